"""``pocketvision train`` where the package's C runtime is not built, as on a lent GPU's machine.

python -m pocketvision.training.train.clips RECIPE.toml --data DIR --out RUN
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .loop import train
from .recipe import read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path, metavar="RECIPE.toml")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--steps", type=int, help="leave after this step, with a resume point")
    given = parser.parse_args()
    try:
        print(train(read(given.recipe, given.set), given.data, given.out, given.steps))
    except (OSError, ValueError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
