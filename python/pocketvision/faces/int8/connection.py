"""Connections to PostgreSQL with pgvector, and what is said where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...errors import InputError, RunError, shown

PATIENCE = 10
"""Seconds to wait for a server, where the address says nothing (``connect_timeout``)."""

TURN = 0x706F636B65747669
"""Number of the advisory lock under which extension and tables are made: one process at a time."""


def connect(address: str) -> Any:
    """A psycopg connection that knows vectors and commits by itself outside of transactions.

    The extension is created where the server has it and this database lacks it.

    Raises:
        InputError: libpq cannot read the address. ConnectionError: nobody answers, or the server
            refuses. RunError: no pgvector. ModuleNotFoundError: without psycopg or pgvector.
    """
    psycopg, register_vector = _packages()
    if not isinstance(address, str):
        raise InputError(f"address: expected text such as 'host=db', got {shown(address)}")
    try:
        told = psycopg.conninfo.conninfo_to_dict(address)
    except psycopg.ProgrammingError:  # its text may hold a password
        raise InputError(
            "address: expected 'host=db dbname=faces user=me' or 'postgresql://me@db/faces', got "
            "text that libpq cannot read"
        ) from None
    told.setdefault("connect_timeout", PATIENCE)
    try:
        connection = psycopg.connect(**told, autocommit=True)
    except psycopg.OperationalError as error:
        raise ConnectionError(
            f"address: no connection to {_place(told)}: {_line(error)}. Is the server running, and "
            "may this user enter?"
        ) from None
    try:
        with reached(connection):
            _extend(connection, psycopg)
            register_vector(connection)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def reached(connection: Any) -> Iterator[None]:
    """A server that goes away within it is a ConnectionError; its other errors stay psycopg's."""
    psycopg, _ = _packages()
    try:
        yield
    except psycopg.OperationalError as error:
        if not connection.closed:
            raise
        raise ConnectionError(
            f"the server has gone ({_line(error)}); nothing of this call was kept. Call again when "
            "it is back"
        ) from None


def _extend(connection: Any, psycopg: Any) -> None:
    """Have the extension in this database."""
    there = "SELECT 1 FROM pg_extension WHERE extname = 'vector'"
    if connection.execute(there).fetchone():
        return
    try:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (TURN,))
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    except (psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedFile) as error:
        version = connection.info.server_version // 10000
        raise RunError(
            f"the server has no pgvector ({_line(error)}). Install it there, such as the package "
            f"postgresql-{version}-pgvector, and try again"
        ) from None
    except psycopg.errors.InsufficientPrivilege as error:
        raise RunError(
            f"this user may not create the extension pgvector ({_line(error)}). Have the "
            f"database's owner type: CREATE EXTENSION vector, in {connection.info.dbname}"
        ) from None


def _place(told: dict[str, Any]) -> str:
    """Where an address leads, without user and password."""
    named = [f"{key}={told[key]}" for key in ("host", "port", "dbname") if told.get(key)]
    return " ".join(named) or "the local server"


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _packages() -> tuple[Any, Any]:
    try:
        import psycopg
        from pgvector.psycopg import register_vector
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"a gallery on a server needs {error.name}. Type: pip install 'pocketvision[server]'",
            name=error.name,
        ) from None
    return psycopg, register_vector
