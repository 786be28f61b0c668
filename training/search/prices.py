"""What parts of a network cost: counted (MACs, parameters) or read from a target's cost table.

Nothing is guessed: a part that the table of ``compile/cost`` has no row of is an error. Of a group
of parts all is summed, but for the arena, which the next part uses again, so that the most of any
counts, and for the code of kernels, which equal layers share.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pocketvision.compile.cost import table as tables
from pocketvision.compile.cost.table import Table

from .space import Candidate, Part, Space
from .traverse import Choices, Costs

COUNTED = ("macs", "parameters")
MEASURED = ("instructions", "cycles", "nanoseconds", "flash", "arena")
NAMES = (*COUNTED, *MEASURED)
PEAKS = ("arena",)


@dataclass(frozen=True)
class Prices:
    """Costs of parts: those that are counted, and with a ``table`` those that are measured."""

    table: Table | None = None

    def of(self, parts: Sequence[Part], names: Sequence[str]) -> list[float]:
        """The costs of ``parts`` together, in the order of ``names``.

        Raises:
            ValueError: no such cost, or no table to read it from.
            CompileError: the table has no row of a part, or has not measured it.
        """
        price = None
        if not set(COUNTED).issuperset(names):
            price = self._table(names).price([part.key for part in parts])
        return [
            float(
                sum(getattr(part, name) for part in parts)
                if name in COUNTED
                else getattr(price, name)
            )
            for name in names
        ]

    def check(self, space: Space, names: Sequence[str]) -> None:
        """Whether any network of ``space`` can be priced; errors as :meth:`of`."""
        measured = [name for name in names if name not in COUNTED]
        if measured:
            table = self._table(names)
            for name in set(measured) & set(tables.COLUMNS):
                table.require(name)
            table.price(space.part_keys())

    def _table(self, names: Sequence[str]) -> Table:
        for name in names:
            _known(name, name)
        if self.table is None:
            first = next(name for name in names if name not in COUNTED)
            raise ValueError(
                f"{first}: is measured, and the recipe names no table; give table = a target or a "
                "file that `pocketvision cost` makes, or go by macs or parameters"
            )
        return self.table


def opened(name: str | None, root: Path) -> Prices:
    """The prices of a recipe's ``table``: a file below ``root``, a target's name, or none.

    Raises:
        CompileError: no such table, or one of another version of the compiler.
    """
    if name is None:
        return Prices()
    return Prices(tables.read(root / name if (root / name).is_file() else name))


Rated = Sequence[tuple[Candidate, float]]
"""The candidates of a block with their ratings."""


def choices(
    space: Space, rated: Sequence[Rated], prices: Prices, names: Sequence[str]
) -> tuple[list[Choices], np.ndarray]:
    """What :func:`traverse.traverse` goes through: each block's candidates, then the head.

    Blocks are priced one by one. Code that two blocks share is counted in both, so a network's
    flash is never above the sum: what is within a budget by it, is.

    Returns:
        The blocks, and the costs of the stem, which stands before them; the first block is
        entered with ``space.stem``.

    Raises:
        ValueError, CompileError: as :meth:`Prices.of`.
    """
    prices.check(space, names)
    blocks, entries = [], [space.stem]
    for block, candidates in enumerate(rated):
        costs = {
            entry: np.array(
                [prices.of(space.layers(block, one, entry), names) for one, _ in candidates]
            ).reshape(len(candidates), len(names))
            for entry in entries
        }
        labels = [candidate for candidate, _ in candidates]
        exits = np.array([candidate.width for candidate in labels])
        blocks.append(Choices(labels, np.array([r for _, r in candidates]), exits, costs))
        entries = sorted(set(exits.tolist()))
    ends = {entry: np.array([prices.of([space.last(entry)], names)]) for entry in entries}
    blocks.append(Choices([None], np.zeros(1), np.zeros(1, int), ends))
    return blocks, np.array(prices.of([space.first()], names))


def limits(budget: Mapping[str, float], names: Sequence[str] = ()) -> Costs:
    """The costs of ``budget``, and of ``names`` that are to be known without a limit.

    Raises:
        ValueError: a cost that is not known, or a limit that is not above 0.
    """
    for name, value in budget.items():
        _known(f"budget.{name}", name)
        if not (value > 0 and math.isfinite(value)):
            raise ValueError(f"budget.{name}: expected more than 0, got {value:g}")
    for name in names:
        _known(name, name)
    every = tuple(name for name in NAMES if name in budget or name in names)
    bounds = np.array([budget.get(name, np.inf) for name in every], float)
    return Costs(every, bounds, np.array([name in PEAKS for name in every], bool))


def _known(where: str, name: str) -> None:
    if name not in NAMES:
        raise ValueError(f"{where}: no such cost; known: {', '.join(NAMES)}")
