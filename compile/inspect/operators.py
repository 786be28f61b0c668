"""The page of ONNX operators that the compiler takes, made from its own tables.

``python -m pocketvision.compile.inspect.operators`` prints ``compile/OPERATORS.md``.
"""

from __future__ import annotations

from ..frontend.network import ACTIVATIONS, DEQUANTISE, QUANTISE
from ..frontend.operators import EXACT, INTEGER, LAYOUTS, REAL, SUPPORTED
from ..frontend.operators.function import FUNCTIONS
from ..targets import TARGETS

HEAD = f"""# Operators

Made by `python -m pocketvision.compile.inspect.operators`; a test holds it against the code. All
run on every target: {", ".join(f"`{name}`" for name in TARGETS)}.

- **integers**: between {DEQUANTISE} and {QUANTISE}, by the rules of
  [the arithmetic](arithmetic/README.md);
- **table**: alone or in a chain of such operators and constants on one int8 tensor, as a table of
  its 256 results;
- **move**: values are moved, which costs nothing until an operator needs another order;
- **own pair**: needs no pair of its own, as its result is exact in the quantisation of its input;
- **float32**: where the file has no quantisation around it; slower, and right.

| operator | integers | table | move | own pair | float32 |
|---|---|---|---|---|---|
"""


def page() -> str:
    """The Markdown text: a row for each operator."""
    rows = []
    for kind in SUPPORTED:
        columns = (
            kind in INTEGER or kind in ACTIVATIONS,
            kind in FUNCTIONS,
            kind in LAYOUTS,
            kind in EXACT or kind in LAYOUTS,
            kind in REAL or kind in LAYOUTS,
        )
        rows.append(f"| {kind} | " + " | ".join("yes" if has else "" for has in columns) + " |")
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(page(), end="")
