"""What peers in environments of their own share: conversion and runners in child processes."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pocketvision.bench.start import FirstFace

from ..candidate import Absent, Candidate, Runner, Sources
from ..networks.once import once
from ..networks.torch_graph import export_program
from .child import CHILDREN, Child
from .environment import Environment

PATIENCE = 900
"""Seconds after which a conversion counts as refused."""


@dataclass(frozen=True)
class Apart:
    """``name``: of runtime, environment and the programs ``children/{convert,serve}_NAME.py``.

    ``packages``: what a user of the runtime installs. ``first``: program of a first embedding,
    with ``{path!r}`` where the file's name goes.
    """

    name: str
    packages: tuple[str, ...]
    suffix: str
    first: str

    def candidates(self, sources: Sources) -> list[Candidate]:
        """Folded float files (or those as given) in float32 and int8; each of them converted once.

        As exported, with norms and identities still in the graph, they are no faster.
        Raises Absent when the environment lacks something.
        """
        if sources.envs is None or sources.calibration is None:
            raise Absent("no folder of environments was named")
        home = Environment(self.name, sources.envs)
        home.check()
        files = [pair for pair in sources.floats if not pair[0].startswith("exported")]
        return [
            self._candidate(home, precision, variant, path, sources.calibration)
            for variant, path in files
            for precision in ("float32", "int8")
        ]

    def file(self, precision: str, source: Path, calibration: Path) -> Path:
        """Where the conversion of ``source`` is: in their folder even if that is a user's file."""
        stem = calibration.parent / source.stem
        return Path(f"{stem}.{precision}.{self.suffix}").absolute()

    def _candidate(
        self, home: Environment, precision: str, variant: str, source: Path, calibration: Path
    ) -> Candidate:
        file = self.file(precision, source, calibration)

        def convert() -> None:
            stem = calibration.parent / source.stem
            once([file], lambda: self._run(home, source, calibration, stem, file))

        def load() -> Runner:
            serve = CHILDREN / f"serve_{self.name}.py"
            return Child([str(home.python), str(serve), str(file)])

        first = FirstFace(self.first.format(path=str(file)), self.packages, home.python)
        version = home.version(self.packages[0])
        return Candidate(
            self.name, precision, variant, load, first, version=version, convert=convert
        )

    def _run(
        self, home: Environment, source: Path, calibration: Path, stem: Path, file: Path
    ) -> None:
        program = Path(f"{stem}.pt2")
        example = np.load(calibration)[:1]
        try:
            once([program], lambda: _export(source, program, example))
        except ValueError as error:
            raise Absent(str(error)) from error
        convert = CHILDREN / f"convert_{self.name}.py"
        try:
            done = subprocess.run(
                [str(home.python), str(convert), str(program), str(calibration), str(stem)],
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Absent(f"{source.name} was not converted in {PATIENCE} s") from error
        # A float file counts even where the quantiser gave up behind it.
        if done.returncode and not file.exists():
            said = done.stderr.strip().splitlines()
            raise Absent(f"could not convert {source.name}: {said[-1][-200:] if said else ''}")


def _export(source: Path, program: Path, example: np.ndarray) -> None:
    try:
        export_program(source, program, example)
    except ImportError as error:
        raise Absent(f"{error}; pip install 'pocketvision[training]'") from error
