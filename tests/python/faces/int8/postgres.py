"""PostgreSQL servers for tests: in a temporary folder, reached by a unix socket alone."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def programs() -> list[Path]:
    """Folders of servers' programs: Debian's, newest first, then that of the package pgserver."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: -int(p.parent.name))
    package = importlib.util.find_spec("pgserver")
    if package and package.origin:
        found.append(Path(package.origin).parent / "pginstall" / "bin")
    return [place for place in found if (place / "initdb").exists()]


def has_pgvector(place: Path) -> bool:
    asked = [place / "pg_config", "--sharedir"]
    shares = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    return Path(shares, "extension", "vector.control").exists()


@contextmanager
def running(place: Path) -> Iterator[str]:
    """The address of a new server, which ends with the block."""
    other: list[str] = []
    if os.geteuid() == 0:  # root may not run one
        user = "postgres" if "postgres" in {one.pw_name for one in pwd.getpwall()} else "nobody"
        other = ["runuser", "-u", user, "--"]
        if subprocess.run([*other, "test", "-x", place / "initdb"], check=False).returncode:
            pytest.skip(f"{place}: not to be entered by the user {user}, and root runs no server")
    # A socket's path has 107 bytes at most, so no folder of pytest's.
    folder = tempfile.mkdtemp(prefix="pv-pg-")

    def call(*words: str | Path) -> None:
        done = subprocess.run(
            [*other, *words], cwd=folder, text=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    try:
        if other:
            shutil.chown(folder, other[2])
        data = Path(folder, "data")
        call(place / "initdb", "-D", data, "-A", "trust", "-U", "tester", "--no-sync", "-E", "UTF8")
        options = f"-c listen_addresses= -k {folder} -c fsync=off -c shared_buffers=64MB"
        log = Path(folder, "log")
        call(place / "pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start")
        try:
            yield f"host={folder} user=tester dbname=postgres"
        finally:
            call(place / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def with_pgvector(wanted: bool = True) -> Iterator[str]:
    """The address of a new server with pgvector, or of one without; skips where there is none."""
    pytest.importorskip("psycopg", reason="the package psycopg is not installed")
    pytest.importorskip("pgvector", reason="the package pgvector is not installed")
    for place in programs():
        if has_pgvector(place) == wanted:
            with running(place) as address:
                yield address
            return
    pytest.skip(
        "no PostgreSQL with pgvector: neither Debian's postgresql-NN-pgvector nor the package "
        "pgserver (Python before 3.13) is installed"
        if wanted
        else "no PostgreSQL without pgvector: Debian's package postgresql is not installed"
    )
