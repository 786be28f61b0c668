"""Draws operators on single values: activations, functions, sums, products, constants, pools."""

from __future__ import annotations

import numpy as np

from .net import Net, UnfitError

CURVES = (
    "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "Elu", "Celu", "Selu", "Softplus", "Softsign",
    "Erf", "Neg", "Exp", "Mish", "Gelu",
)  # fmt: skip
"""Functions of any number, with a table and a rule in float32."""
STEPS = ("Ceil", "Floor", "Round", "Sign", "ThresholdedRelu")
"""Functions that jump: what they read is exact, so that no last bit decides."""
SINCE = {"Mish": 18, "Gelu": 20, "HardSwish": 14}
"""Opsets below which a function is not known."""


def _reach(net: Net, x: str) -> float:
    return float(np.abs(net.samples[x]).max()) or 1.0


def activation(net: Net) -> str:
    """What has a rule in float32 as well."""
    x = net.pick()
    kind = net.one("Relu", "Relu", "Clip", "LeakyRelu", "PRelu", "Abs")
    if kind == "Clip":
        reach = _reach(net, x)
        ends = sorted(net.random.uniform(-1, 1, 2) * reach)
        names = [net.constant(np.float32(end)) for end in ends]
        if net.chance(0.3):
            return net.node("Clip", x, names[0])
        return net.node("Clip", x, "" if net.chance(0.3) else names[0], names[1])
    if kind == "LeakyRelu":
        return net.node("LeakyRelu", x, alpha=float(net.random.uniform(-0.3, 1.5)))
    if kind == "PRelu":
        shape = net.samples[x].shape
        whole = len(shape) < 2 or net.chance(0.2)
        return net.node("PRelu", x, net.real(*([1] if whole else _along(net, shape)), low=-0.3))
    return net.node(str(kind), x)


def _along(net: Net, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a constant with one value a channel: of maps axis 1, of rows the last."""
    axis = 1 if len(shape) in (3, 4) else len(shape) - 1
    found = [1] * len(shape)
    found[axis] = shape[axis]
    return tuple(found[1:] if len(shape) > 1 and net.chance(0.5) and shape[0] == 1 else found)


def function(net: Net) -> str:
    """A function of one value: a table of one stored value, or float32."""
    x = net.pick()
    if _reach(net, x) > 30 or _reach(net, x) < 0.01:
        raise UnfitError
    if net.chance(0.15):
        return net.node(str(net.one(*STEPS)), x, exact=True, behind=net.chance(0.6))
    kind = str(net.one(*CURVES))
    if net.opset < SINCE.get(kind, 0):
        raise UnfitError
    more: dict[str, object] = {}
    if kind in ("Elu", "Celu"):
        more = {"alpha": float(net.random.uniform(0.1, 2))}
    if kind == "Gelu" and net.chance(0.5):
        more = {"approximate": "tanh"}
    stored = net.chance(0.6)
    if kind == "Gelu" and not stored:
        # In its tail onnxruntime takes an erf of nearly -1 off 1, which leaves few right digits.
        x = net.node("Abs", x, inner=True)
    return net.node(kind, x, exact=stored, behind=stored, **more)


def of_positive(net: Net) -> str:
    """A function of positive numbers only, and powers."""
    x = net.pick()
    reach = _reach(net, x)
    if reach > 30 or reach < 0.01:
        raise UnfitError
    kind = str(net.one("Log", "Sqrt", "Reciprocal", "Pow", "Pow"))
    stored = net.chance(0.6)
    if stored:
        net.exact.add(x)
    if kind == "Pow":
        exponent = net.constant(np.float32(net.one(1.0, 2.0, 3.0)))
        return net.node(kind, x, exponent, behind=stored)
    y = net.node("Abs", x, inner=True)
    y = net.node("Add", y, net.constant(np.float32(reach * net.random.uniform(0.1, 1))), inner=True)
    return net.node(kind, y, behind=stored)


def composed(net: Net) -> str:
    """A function that a file spells in several nodes between two pairs."""
    x = net.pick()
    if _reach(net, x) > 30 or _reach(net, x) < 0.01:
        raise UnfitError
    stored = net.chance(0.7)
    if stored:
        net.exact.add(x)
    form = net.one("swish", "hard", "gelu", "length")
    if form == "length":
        return _length(net, x)
    if form == "swish":
        return net.node("Mul", x, net.node("Sigmoid", x, inner=True), behind=stored)
    if form == "hard":
        y = net.node("Add", x, net.constant(np.float32(3)), inner=True)
        y = net.node(
            "Clip", y, net.constant(np.float32(0)), net.constant(np.float32(6)), inner=True
        )
        y = net.node("Mul", x, y, inner=True)
        return net.node("Div", y, net.constant(np.float32(6)), behind=stored)
    y = net.node("Div", x, net.constant(np.float32(2**0.5)), inner=True)
    y = net.node("Add", net.node("Erf", y, inner=True), net.constant(np.float32(1)), inner=True)
    y = net.node("Mul", x, y, inner=True)
    return net.node("Mul", y, net.constant(np.float32(0.5)), behind=stored)


def _length(net: Net, x: str) -> str:
    """A norm as exporters write it: over one axis, at least a little."""
    axis = net.int(0, net.samples[x].ndim - 1)
    y = _reduced(net, "ReduceL2", x, [axis], 1, inner=True)
    y = net.node("Clip", y, net.constant(np.float32(1e-3)), inner=True)
    return net.node("Div", x, y)


def with_constant(net: Net) -> str:
    """A sum, difference, product or quotient with a constant of a channel's or all values."""
    x = net.pick()
    shape = net.samples[x].shape
    kind = str(net.one("Add", "Sub", "Mul", "Div", "Max", "Min"))
    own = () if len(shape) < 2 or net.chance(0.4) else _along(net, shape)
    if kind in ("Mul", "Div"):
        other = net.constant(net.random.uniform(0.3, 3, own) * net.one(1, 1, -1))
    else:
        other = net.constant(net.random.normal(0, 0.5, own) * _reach(net, x))
    left = kind != "Div" and net.chance(0.4)
    return net.node(kind, *([other, x] if left else [x, other]))


def pair(net: Net) -> str:
    """Two activations of one shape, or of shapes that numpy broadcasts; perhaps the same twice."""
    a = net.pick()
    shape = net.samples[a].shape
    fitting = [n for n, v in net.samples.items() if v.shape == shape and n not in net.inner]
    b = fitting[net.random.integers(len(fitting))]
    kind = str(net.one("Add", "Add", "Add", "Mul", "Sub", "Max", "Min"))
    if len(shape) == 4 and net.chance(0.3):
        return gate(net, a, kind)
    return net.node(kind, a, b)


def gate(net: Net, a: str, kind: str) -> str:
    """One value a channel, a row or a column, from the map itself."""
    axes = [[2, 3], [2, 3], [2], [3], [1]][net.int(0, 4)]
    b = _reduced(net, "ReduceMax", a, axes, 1)
    if axes == [2, 3] and net.chance(0.5):
        b = net.node("HardSigmoid", b)
    return net.node(kind, *([a, b] if net.chance(0.6) else [b, a]))


REDUCTIONS = (
    "ReduceMean", "ReduceMax", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum", "ReduceL1",
    "ReduceL2", "ReduceSumSquare",
)  # fmt: skip


def _reduced(net: Net, kind: str, x: str, axes: list[int], keep: int, inner: bool = False) -> str:
    rank = net.samples[x].ndim
    axes = [axis - rank if net.chance(0.3) else axis for axis in axes]
    if net.opset >= 18 or kind == "ReduceSum":
        return net.node(kind, x, net.whole(*axes), keepdims=keep, inner=inner)
    return net.node(kind, x, axes=axes, keepdims=keep, inner=inner)


def reduction(net: Net) -> str:
    """Over any axes of any rank."""
    x = net.pick()
    rank = net.samples[x].ndim
    axes = [axis for axis in range(rank) if net.chance(0.4)] or [net.int(0, rank - 1)]
    if len(axes) == rank and rank > 1 and net.chance(0.8):
        axes = axes[1:]
    keep = 1 if len(axes) == rank else net.int(0, 1)
    return _reduced(net, str(net.one(*REDUCTIONS)), x, axes, keep)


def largest(net: Net) -> str:
    """Where an axis is largest: int64, which nothing but an output reads."""
    x = net.pick(2, 3, 4)
    axis = net.int(0, net.samples[x].ndim - 1)
    more = {"select_last_index": 1} if net.chance(0.3) else {}
    kind = str(net.one("ArgMax", "ArgMax", "ArgMin"))
    return net.node(kind, x, axis=axis, keepdims=net.int(0, 1), inner=True, **more)


def pool(net: Net) -> str:
    x = net.pick(4) if net.chance(0.85) else net.pick(3)
    batch, _, *sizes = net.samples[x].shape
    if batch != 1:
        raise UnfitError
    kind = net.one("MaxPool", "MaxPool", "AveragePool", "AveragePool", "Global", "Reduce")
    if kind == "Global":
        return net.node(str(net.one("GlobalAveragePool", "GlobalMaxPool")), x)
    if kind == "Reduce":
        axes = list(range(2, 2 + len(sizes)))
        return _reduced(net, str(net.one("ReduceMean", "ReduceMax")), x, axes, net.int(0, 1))
    kernel = [net.int(1, 3) for _ in sizes]
    options: dict[str, object] = {"kernel_shape": kernel}
    if net.chance(0.7):
        options["strides"] = [net.int(1, 3) for _ in sizes]
    if net.chance(0.2):
        options["auto_pad"] = net.one("SAME_UPPER", "SAME_LOWER", "VALID")
    elif net.chance(0.6):
        options["pads"] = [net.int(0, size - 1) for size in kernel * 2]
    pads = options.get("pads", [0] * 2 * len(sizes))
    assert isinstance(pads, list)
    reach = [n + a + b for n, a, b in zip(sizes, pads, pads[len(sizes) :], strict=False)]
    if any(n < size for n, size in zip(reach, kernel, strict=True)):
        raise UnfitError  # onnxruntime gives a result all the same, the standard none
    if net.chance(0.3) and "auto_pad" not in options:
        options["ceil_mode"] = 1
    if kind == "AveragePool" and net.chance(0.4):
        options["count_include_pad"] = 1
    return net.node(str(kind), x, **options)


def softmax(net: Net) -> str:
    x = net.pick(2, 3, 4)
    if _reach(net, x) > 60 or _reach(net, x) < 0.01:
        raise UnfitError
    rank = net.samples[x].ndim
    axis = int(net.one(1, -1, rank - 1))
    stored = net.chance(0.6)
    return net.node(str(net.one("Softmax", "Softmax", "LogSoftmax")), x, axis=axis, exact=stored)


def layer_norm(net: Net) -> str:
    """Of values that are not all alike, whose variance is not far from the epsilon."""
    x = net.pick(2, 3, 4)
    values = net.samples[x]
    if net.opset < 17 or values.shape[-1] < 3 or not 0.01 < _reach(net, x) < 60:
        raise UnfitError
    if values.std(axis=-1).min() < 0.03 * _reach(net, x):
        raise UnfitError
    rows = [net.real(values.shape[-1], low=low) for low in (0.2, -1)]
    stored = net.chance(0.7)
    return net.node("LayerNormalization", x, *rows, axis=-1, exact=stored, behind=stored)


def product(net: Net) -> str:
    """Of a matrix, or of several, with itself."""
    x = net.pick(2, 3)
    rank = net.samples[x].ndim
    turned = net.node("Transpose", x, perm=[*range(rank - 2), rank - 1, rank - 2])
    return net.node("MatMul", x, turned, exact=True, behind=True)


def resize(net: Net) -> str:
    """Linear; the nearest neighbour is a move."""
    x = net.pick(4)
    batch, channels, height, width = net.samples[x].shape
    if batch != 1:
        raise UnfitError
    mode = str(net.one("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"))
    scale = float(net.one(2.0, 2.0, 1.5, 3.0, 0.5))
    more: dict[str, object] = {"mode": "linear", "coordinate_transformation_mode": mode}
    stored = net.chance(0.7)
    if net.chance(0.5):
        scales = net.constant(np.float32([1, 1, scale, scale]))
        return net.node("Resize", x, "", scales, exact=stored, behind=stored, **more)
    sizes = net.whole(1, channels, max(int(height * scale), 1), width + net.int(0, 5))
    return net.node("Resize", x, "", "", sizes, exact=stored, behind=stored, **more)


VALUES = (
    activation, activation, activation, function, function, of_positive, composed, with_constant,
    pair, pair, pool, pool, reduction, softmax, layer_norm, product, resize, largest,
)  # fmt: skip
