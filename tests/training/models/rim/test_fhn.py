"""FHN: shapes, sizes, what an untrained one gives, that every part learns, and its adversaries."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")
from torch.nn import functional as F  # noqa: E402

from pocketvision.training import models  # noqa: E402
from pocketvision.training.export import export  # noqa: E402
from pocketvision.training.models.rim import adversaries, blocks  # noqa: E402
from pocketvision.training.models.rim.generator import FHN, SMALL  # noqa: E402

TINY = SMALL | {"width": 4, "blocks": 1}
WHOLE = TINY | {"grid": 112, "depth": 4, "norm": "instance", "up": "transposed"}
FORMS = {"small": TINY, "as published": WHOLE, "tanh": TINY | {"skip": False}}


def count(network):
    return sum(value.numel() for value in network.parameters())


@pytest.fixture
def x():
    return torch.rand(2, 3, 112, 112, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("form", FORMS)
def test_shapes_and_bounds(form, x):
    torch.manual_seed(0)
    network = FHN(**FORMS[form], landmarks=7, parts=4)
    grid = FORMS[form]["grid"]
    found = network.restored(x)
    assert found.coarse.shape == found.image.shape == x.shape
    assert found.landmarks.shape == (2, 7, grid, grid) and found.parts.shape == (2, 4, grid, grid)
    assert found.features.shape == (2, network.features, grid, grid)
    assert found.image.abs().max() <= 1
    torch.testing.assert_close(network.eval()(x), network.restored(x).image)


@pytest.mark.parametrize("form", ["small", "as published"])
def test_untrained_it_gives_its_input(form, x):
    assert torch.equal(FHN(**FORMS[form])(x), x)


def test_without_skip_it_does_not(x):
    assert (FHN(**FORMS["tanh"])(x) - x).abs().mean() > 0.1


@pytest.mark.parametrize("form", FORMS)
def test_every_weight_has_a_part_in_some_loss(form, x):
    torch.manual_seed(0)
    network = FHN(**FORMS[form])
    with torch.no_grad():  # heads that begin at zero let nothing through
        for head in (network.coarse_image, network.image):
            head.weight.normal_(0, 0.02)
    found = network.restored(x * 0.5)
    sum(value.square().mean() for value in found).backward()
    idle = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not idle


def test_a_few_steps_lower_the_error(x):
    torch.manual_seed(0)
    network = FHN(**TINY)
    smooth = F.interpolate(x[:, :, :28, :28] * 0.6, size=(112, 112), mode="bilinear")
    far = F.interpolate(F.avg_pool2d(smooth, 8), size=(112, 112), mode="nearest")
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    errors = []
    for _ in range(40):
        error = F.mse_loss(network(far), smooth)
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
        errors.append(error.item())
    assert errors[-1] < 0.7 * errors[0]


def test_sizes_of_the_registered_ones():
    small, entry = models.create("fhn-small"), models.entry("fhn_small")
    assert 300_000 < count(small) < 1_000_000
    assert entry.task == "restoration" and "fhn_small" not in models.names()
    assert not any(
        isinstance(m, torch.nn.ConvTranspose2d | torch.nn.InstanceNorm2d) for m in small.modules()
    )
    built = models.built("own", {"family": "fhn", "embedding": 3, **TINY})
    assert count(built.make()) == count(FHN(**TINY))
    with pytest.raises(ValueError, match="embedding = 3"):
        models.built("own", {"family": "fhn", **TINY})


def test_the_small_one_leaves_as_plain_operators(tmp_path, x):
    network = FHN(**TINY).eval()
    with torch.no_grad():
        network.image.weight.normal_(0, 0.05)
    path = export(network, tmp_path / "fhn.onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = session.run(None, {"input": x[:1].numpy()})[0]
    with torch.no_grad():
        np.testing.assert_allclose(found, network(x[:1]).numpy(), atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grid": 56}, "grid: expected 28 or 112, got 56"),
        ({"depth": 3}, "depth: 28 pixels cannot be halved 3 times"),
        ({"norm": "group"}, "norm: expected one of batch, instance"),
        ({"up": "bicubic"}, "up: expected one of resize, transposed"),
    ],
)
def test_wrong_forms(changes, message):
    with pytest.raises(ValueError, match=message):
        FHN(**(TINY | changes))


def test_an_hourglass_keeps_its_maps_side():
    glass = blocks.Hourglass(4, 2, 1, "batch")
    assert glass(torch.zeros(1, 4, 28, 28)).shape == (1, 4, 28, 28)
    with pytest.raises(ValueError, match="cannot be halved; lower depth"):
        glass(torch.zeros(1, 4, 14, 14)[:, :, :7, :7])


def test_discriminators_learn_to_tell(x):
    torch.manual_seed(0)
    image = adversaries.ImageDiscriminator(4, classes=3)
    real, scale = image(x)
    assert real.shape == (2, 1, 14, 14) and scale is not None and scale.shape == (2, 3)
    assert adversaries.ImageDiscriminator(4)(x)[1] is None
    features = adversaries.FeatureDiscriminator(6, 4)
    sharp, far = torch.rand(2, 8, 6, 28, 28)
    far = far * 0.2
    optimiser = torch.optim.Adam(features.parameters(), 1e-2)
    for _ in range(60):
        loss = F.softplus(-features(sharp)).mean() + F.softplus(features(far)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert features(sharp).min() > features(far).max()


def test_the_far_camera_keeps_no_detail_that_its_pixels_cannot_hold(x):
    torch.manual_seed(0)
    camera = adversaries.LowResolutionGenerator(4, 1)
    scale, noise = torch.tensor([2, 0]), torch.randn(2, 1, 112, 112)
    plain = camera(x * 0.5, scale, noise)
    for row, factor in ((0, 8), (1, 2)):
        small = F.avg_pool2d(x[row : row + 1] * 0.5, factor)
        wanted = F.interpolate(small, (112, 112), mode="bicubic").clamp(-1, 1)
        torch.testing.assert_close(plain[row : row + 1], wanted)
    with torch.no_grad():
        camera.net[-1].weight.normal_(0, 0.2)
    found = camera(x * 0.5, scale, noise)
    assert (found - plain).abs().mean() > 0.01
    # Of 14 pixels: whatever it has learnt, the finest differences are gone.
    fine = [(one[0, :, :, 1:] - one[0, :, :, :-1]).abs().mean() for one in (found[:1], x[:1] * 0.5)]
    assert fine[0] < 0.3 * fine[1]
