"""VTN against the published counts, its written reference, and what its streams should see."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pocketvision.training import models  # noqa: E402
from pocketvision.training.models import facechain, registry  # noqa: E402
from pocketvision.training.models.count import count  # noqa: E402
from pocketvision.training.models.vtn import reference  # noqa: E402
from pocketvision.training.models.vtn.decoder import Attention, Decoder, Norm  # noqa: E402
from pocketvision.training.models.vtn.encoders import ENCODERS  # noqa: E402
from pocketvision.training.models.vtn.network import VTN  # noqa: E402

SIZE = 32
"""Pixels of the clips of these tests; encoders take any."""


def small(modality: str = "rgb", frames: int = 4):
    """A network of the smallest encoder and decoder."""
    torch.manual_seed(1)
    values = {"encoder": "chain_10m", "embedding": 3, "size": SIZE, "frames": frames}
    shape = {"width": 16, "blocks": 2, "heads": 4, "inner": 24}
    return models.built("t", {"family": "vtn", "modality": modality, **values, **shape})


def numbers(module) -> dict[str, np.ndarray]:
    return {name: value.double().numpy() for name, value in module.state_dict().items()}


# ------------------------------------------------------------------------------------------ counts


def test_the_published_decoder() -> None:
    decoder = Decoder(400)
    assert sum(value.numel() for value in decoder.parameters()) == 7_567_760
    by_hand = 4 * (3 * 512 * 512 + 2 * 512 * 1024 + 1024 + 512 + 4 * 512) + 16 * 512 + 400 * 513
    assert by_hand == 7_567_760
    rows = count(models.create("vtn_resnet34"), shape=(16, 3, 64, 64)).rows
    macs = sum(row.macs for row in rows if row.name.startswith("decoder."))
    # Per step three matrices, two layers and the classes; per block 2 * 16 * 16 * 512 of products.
    assert macs == 16 * (4 * (3 * 512 * 512 + 2 * 512 * 1024) + 400 * 512) + 4 * 2 * 16 * 16 * 512


def test_the_published_encoder() -> None:
    """Open Model Zoo: 21.276 M parameters, batch norms folded into biases, and 7.340 GFLOPs."""
    counted = count(ENCODERS["resnet34"].make(3), 224)
    assert counted.parameters == 21_284_672
    norms = sum(row.parameters // 2 for row in counted.rows if row.kind == "BatchNorm2d")
    assert round((counted.parameters - norms) / 1e6, 3) == 21.276
    assert counted.macs == 3_663_249_408
    # Two FLOPs a MAC; which of the small operations the published figure adds is not stated.
    assert abs(2 * counted.macs / 7.340e9 - 1) < 0.002
    assert abs(counted.pocketnet_flops / 7.340e9 - 1) < 0.001


@pytest.mark.parametrize(
    ("name", "parameters", "width"),
    [
        ("resnet18", 11_689_512 - 513_000, 512),
        ("resnet50", 25_557_032 - 2_049_000, 2048),
        ("mobilenet_v2", 3_504_872 - 1_281_000, 1280),
        ("se_resnext101", 48_955_416 - 2_049_000, 2048),
    ],
)
def test_encoders_have_the_published_parameters_less_their_classes(name, parameters, width):
    encoder = ENCODERS[name].make(3)
    assert sum(value.numel() for value in encoder.parameters()) == parameters
    assert encoder.width == width


# --------------------------------------------------------------------------------------- reference


def test_attention_equals_its_reference() -> None:
    torch.manual_seed(2)
    attention = Attention(24, 3).double().eval()
    x = torch.randn(2, 5, 24, dtype=torch.float64)
    weights = [
        numbers(layer)["weight"] for layer in (attention.query, attention.key, attention.value)
    ]
    with torch.no_grad():
        found = attention(x)
    for row, clip in zip(found, x, strict=True):
        expected = reference.attention(clip.numpy(), *weights, 3)
        np.testing.assert_allclose(row.numpy(), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_a_decoder_equals_its_reference(steps: int) -> None:
    torch.manual_seed(3)
    decoder = Decoder(5, steps, 16, 2, 4, 24).double().eval()
    for value in decoder.parameters():
        torch.nn.init.normal_(value, 0, 0.5)
    x = torch.randn(2, steps, 16, dtype=torch.float64)
    with torch.no_grad():
        found = decoder(x).numpy()
    expected = [reference.decode(numbers(decoder), clip.numpy(), 4) for clip in x]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)


def test_the_scale_is_the_models_width_and_not_a_heads() -> None:
    x = np.random.default_rng(1).normal(size=(3, 8))
    eye = np.eye(8)
    found = reference.attention(x, 9 * eye, eye, eye, 2)
    shares = reference.softmax(np.array([9 * x[0, :4] @ x[s, :4] for s in range(3)]) / np.sqrt(8))
    np.testing.assert_allclose(found[0, :4], shares @ x[:, :4], atol=1e-12)


def test_the_position_table_starts_as_the_paper_says() -> None:
    trained = Decoder(2).position.table
    assert trained.shape == (16, 512) and trained.requires_grad
    table = trained.detach().numpy()
    assert not table[0].any()
    assert table[3, 0] == pytest.approx(np.sin(3)) and table[3, 1] == pytest.approx(np.cos(3))
    assert table[5, 510] == pytest.approx(np.sin(5 / 10000 ** (510 / 512)))


def test_a_norm_of_equal_values_has_a_gradient() -> None:
    norm, x = Norm(4), torch.ones(1, 2, 4, requires_grad=True)
    norm(x).square().sum().backward()
    assert x.grad is not None and x.grad.isfinite().all()


# ----------------------------------------------------------------------------------------- streams


@pytest.mark.parametrize("name", models.names(registry.CLIPS))
def test_every_registered_network_runs(name: str) -> None:
    entry = models.entry(name)
    network = entry.make().eval()
    frames, channels = entry.shape[:2]
    clips = torch.rand(1, frames, channels, SIZE, SIZE) * 255
    with torch.no_grad():
        assert network(network.scale(clips)).shape == (1, entry.embedding)
    assert entry.architecture is not None
    with torch.device("meta"):
        again = models.built(name, entry.architecture).make().state_dict()
    assert {k: v.shape for k, v in again.items()} == {
        k: v.shape for k, v in network.state_dict().items()
    }


def test_clips_are_kept_apart_from_faces() -> None:
    clips = models.names(registry.CLIPS)
    assert clips and not set(clips) & set(models.names())
    assert small().task == registry.CLIPS
    assert (
        models.built("f", {"family": "facechain", "width": 0.4, "depth": 1}).task
        == "face-embedding"
    )


def test_a_window_of_vectors_decodes_to_what_the_clip_gives() -> None:
    """What a live system does: each frame encoded once, the ring decoded."""
    network = small().make().eval()
    clip = torch.randn(1, 4, 3, SIZE, SIZE)
    with torch.no_grad():
        ring = torch.stack([network.encode(clip[:, t]) for t in range(4)], 1)
        torch.testing.assert_close(network.decoder(ring), network(clip), rtol=1e-5, atol=1e-5)


def test_differences_are_those_of_scaled_frames() -> None:
    network = small("difference").make().eval()
    assert network.decoder.position.table.shape == (3, 16)
    still = torch.rand(1, 1, 3, SIZE, SIZE).expand(1, 4, 3, SIZE, SIZE) * 255
    clip = torch.rand(1, 4, 3, SIZE, SIZE) * 255
    with torch.no_grad():
        a, b, c = (network(network.scale(x)) for x in (still, still * 0.5, clip))
        seen = network.view(network.scale(clip))
    torch.testing.assert_close(a, b)  # nothing moves, whatever stands there
    assert not torch.allclose(a, c)
    torch.testing.assert_close(seen[0, 1], (clip[0, 2] - clip[0, 1]) / 127.5)


def test_two_streams_are_the_mean_of_their_logits() -> None:
    network = small("rgb+flow").make().eval()
    assert network.channels == 5
    clip = torch.randn(2, 4, 5, SIZE, SIZE)
    with torch.no_grad():
        rgb, flow = (stream(clip) for stream in network.streams)
        torch.testing.assert_close(network(clip), 0.5 * rgb + 0.5 * flow)
        changed = clip.clone()
        changed[:, :, 3:] = 0
        assert torch.equal(network.streams[0](changed), rgb)
        assert not torch.equal(network.streams[1](changed), flow)


def test_flow_without_motion_is_zero() -> None:
    network = VTN("mobilenet_v2", 2, 4, "flow", 16, 1, 2, 8)
    clip = torch.full((1, 4, 5, 8, 8), 127.5)
    scaled = network.scale(clip)
    assert not network.view(scaled).any() and scaled[0, 0, 0, 0, 0] == pytest.approx(
        0.0655, abs=1e-3
    )


def test_small_encoders_are_a_face_networks_trunk() -> None:
    face, encoder = facechain.facechain(25e6).eval(), ENCODERS["chain_25m"].make(3).eval()
    state = {k: v for k, v in face.state_dict().items() if k in encoder.state_dict()}
    encoder.load_state_dict(state)
    x = torch.randn(1, 3, 112, 112)
    with torch.no_grad():
        assert torch.equal(encoder(x), face.tail[0](face.blocks(face.stem(x))))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder": "vgg"}, "encoder: expected one of resnet18"),
        ({"modality": "rgb+sound"}, "modality: expected one of rgb"),
        ({"heads": 3}, "heads: expected a divisor of the width 512, got 3"),
        ({"depth": 3}, "unexpected keyword argument 'depth'"),
    ],
)
def test_mistakes_are_named(change: dict[str, object], message: str) -> None:
    values = {"family": "vtn", "encoder": "chain_10m", "embedding": 2, "size": 32} | change
    with pytest.raises(ValueError, match=message):
        models.built("t", values)
