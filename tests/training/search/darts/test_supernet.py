"""The supernet: its mixture is the chosen cell where all weight is on one operator of two edges."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from pocketvision.training.models.cells import (  # noqa: E402
    NODES,
    OPERATIONS,
    Cell,
    Genotype,
)
from pocketvision.training.models.pocketnet import CASIA, CIFAR, PocketNet  # noqa: E402
from pocketvision.training.search.darts.discretise import genotype, health  # noqa: E402
from pocketvision.training.search.darts.supernet import (  # noqa: E402
    CHOICES,
    EDGES,
    SearchCell,
    Supernet,
)


def raw_of(nodes, strong: float = 9.0):
    """Weights that say ``nodes``: all others prefer none."""
    raw = torch.zeros(EDGES, len(CHOICES))
    raw[:, -1] = strong
    first = 0
    for index, node in enumerate(nodes):
        for operation, source in node:
            raw[first + source, CHOICES.index(operation)] = strong
            raw[first + source, -1] = 0
        first += index + 2
    return raw


@pytest.mark.parametrize("known", [CASIA, CIFAR], ids=["casia", "cifar"])
def test_a_genotype_comes_back(known: Genotype) -> None:
    found = genotype(raw_of(known.normal), raw_of(known.reduce))
    for kind in ("normal", "reduce"):
        for got, wanted in zip(getattr(found, kind), getattr(known, kind), strict=True):
            assert set(got) == set(wanted) or len(set(wanted)) == 1 or _twice(wanted)
    assert Genotype.from_dict(found.to_dict()) == found


def _twice(node) -> bool:
    """Two operators on one state: a published cell has such a node, a search never."""
    return node[0][1] == node[1][1]


@pytest.mark.parametrize("reduce", [False, True])
def test_the_mixture_of_one_operator_an_edge_is_the_cell(reduce: bool) -> None:
    torch.manual_seed(2)
    search = SearchCell(12, 16, 8, reduce, after_reduce=False).eval()
    nodes = CASIA.reduce if reduce else CASIA.normal
    cell = Cell(CASIA, 12, 16, 8, reduce, after_reduce=False).eval()
    cell.preproc0.load_state_dict(search.preproc0.state_dict(), strict=False)
    cell.preproc1.load_state_dict(search.preproc1.state_dict(), strict=False)
    weights, first = torch.zeros(EDGES, len(CHOICES)), 0
    for index, node in enumerate(nodes):
        for place, (operation, source) in enumerate(node):
            which = OPERATIONS.index(operation)
            weights[first + source, which] += 1
            edge = search.edges[first + source].operators[which]
            cell.dag[index][place].load_state_dict(edge.state_dict(), strict=False)
        first += index + 2
    before, previous = torch.randn(2, 12, 14, 14), torch.randn(2, 16, 14, 14)
    with torch.no_grad():
        found, wanted = search(before, previous, weights), cell(before, previous)
    torch.testing.assert_close(found, wanted)
    assert found.shape == (2, 8 * NODES, 7 if reduce else 14, 7 if reduce else 14)


def test_sizes_and_what_is_trained() -> None:
    net = Supernet(classes=10, channels=4, layers=3)
    assert net(torch.zeros(2, 3, 112, 112)).shape == (2, 10)
    own = {id(p) for p in net.architecture}
    assert len(net.architecture) == 2 and all(p.shape == (14, 8) for p in net.architecture)
    assert not own & {id(p) for p in net.weights}
    assert len(net.weights) + 2 == len(list(net.parameters()))
    published = Supernet(classes=10_572)
    kinds = [cell.reduce for cell in published.cells]
    assert [i for i, reduce in enumerate(kinds) if reduce] == [2, 5, 7]
    assert published.stem[0].out_channels == 48
    with pytest.raises(ValueError, match="layers: expected at least 3"):
        Supernet(classes=2, layers=2)


def test_edges_are_chosen_by_raw_weights_and_none_never() -> None:
    raw = torch.full((EDGES, len(CHOICES)), -1.0)
    raw[:, -1] = 50.0  # none everywhere above all
    raw[0, CHOICES.index("dw7")] = 0.2
    raw[1, CHOICES.index("max")] = 0.1
    raw[2, CHOICES.index("skip")], raw[3, CHOICES.index("dw1")], raw[4, 0] = 0.3, 0.5, 0.4
    found = genotype(raw, raw)
    assert found.normal[0] == (("dw7", 0), ("max", 1))
    assert found.normal[1] == (("dw1", 1), ("max", 2))
    assert all(op in OPERATIONS for node in found.normal for op, _ in node)
    with pytest.raises(ValueError, match="of another search space"):
        genotype(raw[:-1], raw)


def test_collapse_is_seen() -> None:
    skips = tuple((("skip", 0), ("skip", 1)) for _ in range(NODES))
    sick = health(raw_of(skips), raw_of(skips))
    assert sick.collapsed and sick.skips == 1.0
    well = health(raw_of(CASIA.normal), raw_of(CASIA.reduce))
    assert not well.collapsed and well.skips == 1 / 8 and well.entropy < 0.2
    even = health(torch.zeros(EDGES, 8), torch.zeros(EDGES, 8))
    assert even.entropy == pytest.approx(1) and even.none == pytest.approx(1 / 8)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"normal": []}, "expected normal and reduce"),
        (7, "expected normal and reduce"),
        ({"normal": [], "reduce": []}, "normal: expected at least one node"),
        ({"normal": 3, "reduce": []}, "normal: expected nodes of two edges"),
        ({"normal": [[["dw3", 0]]], "reduce": []}, "normal, node 0: expected two edges"),
        ({"normal": [[["dw9", 0], ["dw3", 1]]], "reduce": []}, "'dw9' is unknown; use max"),
        ({"normal": [[["dw3", 2], ["dw3", 1]]], "reduce": []}, "source 2 is not 0 to 1"),
        ({"normal": [[["dw3", "a"], ["dw3", 1]]], "reduce": []}, "source 'a'"),
    ],
)
def test_malformed_genotypes_are_named(values, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Genotype.from_dict(values)


def test_any_genotype_builds_a_network() -> None:
    random = torch.Generator().manual_seed(5)
    for _ in range(5):
        raw = torch.randn(2, EDGES, len(CHOICES), generator=random)
        net = PocketNet(4, 4, 16, genotype(*raw)).eval()
        assert net(torch.zeros(1, 3, 112, 112)).shape == (1, 16)
