"""The counters against the published figures of every registered network."""

import copy

import pytest

torch = pytest.importorskip("torch")

from pocketvision.training import models  # noqa: E402
from pocketvision.training.models import facechain  # noqa: E402
from pocketvision.training.models.count import count  # noqa: E402


def test_vargfacenet_stages_cost_what_the_sheet_says():
    rows = count(models.create("vargfacenet")).rows
    groups = ("stem.", "stages.0.", "stages.1.", "stages.2.", "tail.")
    parameters = [sum(r.parameters for r in rows if r.name.startswith(g)) for g in groups]
    macs = [sum(r.macs for r in rows if r.name.startswith(g)) / 1e6 for g in groups]
    totals = [sum(parameters[: i + 1]) for i in range(5)]
    assert totals == [16_180, 185_780, 1_361_780, 3_674_580, 5_198_292]
    assert [round(sum(macs[: i + 1]), 1) for i in range(5)] == [55.7, 179.6, 390.7, 495.3, 512.6]


def test_by_hand():
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, 2, 1, bias=False),
        torch.nn.BatchNorm2d(4),
        torch.nn.PReLU(4),
        torch.nn.Conv2d(4, 4, 3, 1, 1, groups=2),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(16, 5),
    )
    counted = count(network, size=8)
    # 8x8 -> 4x4x4 = 64 elements of 27 taps; group conv 18 taps; pool to 2x2x4 = 16; linear 16x5.
    assert counted.macs == 64 * 27 + 64 * 18 + 80
    assert counted.pocketnet_flops == 2 * counted.macs + 2 * 64 + 64 + 4 * 16
    assert counted.insightface_flops == 64 * 53 + 2 * 36 * 64 // 2 + 160


def test_leaves_the_model_alone():
    model = models.create("pocketnet_s_128")
    before = copy.deepcopy(model.state_dict())
    count(model)
    assert model.training
    assert model.cells[0].preproc0.foldable
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_a_layer_that_never_runs_is_an_error():
    class Lazy(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.used = torch.nn.Conv2d(3, 3, 1)
            self.unused = torch.nn.Conv2d(3, 3, 1)

        def forward(self, x):
            return self.used(x)

    with pytest.raises(ValueError, match="skipped"):
        count(Lazy(), size=4)


@pytest.mark.parametrize(
    ("width", "depth", "size"), [(0.25, 2 / 3, 80), (1.0, 1.0, 112), (1.5, 4 / 3, 96)]
)
def test_facechains_formula_is_what_its_layers_cost(width, depth, size):
    counted = count(facechain.FaceChain(width, depth, size), size)
    assert counted.macs == facechain.macs(width, depth, size)


def test_a_budget_is_used_up():
    for budget in (10e6, 25e6, 125e6, 250e6):
        assert 0.94 * budget < count(facechain.facechain(budget)).macs <= budget
