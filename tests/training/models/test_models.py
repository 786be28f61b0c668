"""Every registered network: shape, both spellings, small inputs; published weights load."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
from safetensors.torch import save_file  # noqa: E402

from pocketvision.training import models  # noqa: E402

KEYS = Path(__file__).parent / "pocketnet_s128_checkpoint_keys.txt"


@pytest.fixture(scope="module")
def published() -> dict[str, torch.Tensor]:
    """A state dict of the published names and shapes with random values."""
    state = {}
    for line in KEYS.read_text().splitlines():
        if not line.startswith("#"):
            name, shape = line.split(" ", 1)
            sizes = [int(size) for size in shape.strip("()").split(",") if size.strip()]
            state[name] = torch.rand(sizes) if "num_batches" not in name else torch.tensor(3)
    return state


@pytest.mark.parametrize("name", models.names())
def test_forward(name):
    entry = models.entry(name.replace("_", "-"))
    model = models.create(name).eval()
    with torch.no_grad():
        # A teacher's last layer is linear over its whole map: one size only.
        sizes = (entry.input_size,) if name.startswith("iresnet") else (entry.input_size, 64)
        for size in sizes:
            assert model(torch.rand(1, 3, size, size)).shape == (1, entry.embedding)


def test_unknown_name_suggests_close_ones():
    with pytest.raises(KeyError, match="Did you mean mobilefacenet"):
        models.create("mobilfacenet")


@pytest.mark.parametrize("prefix", ["", "module."])
def test_published_checkpoint_loads(published, tmp_path, prefix):
    path = tmp_path / "backbone.pth"
    torch.save({prefix + key: value for key, value in published.items()}, path)
    loaded = models.load("pocketnet-s-128", path)
    assert not loaded.training
    state = loaded.state_dict()
    for key, value in published.items():
        assert torch.equal(state[key], value), key


def test_published_names_are_all_of_ours(published):
    ours = models.create("pocketnet_s_128").state_dict()
    counters = {key for key in ours if key.endswith("num_batches_tracked")}
    assert ours.keys() - counters == published.keys() - counters


def test_safetensors_and_resume_points_load(tmp_path):
    model = models.create("mobilefacenet")
    save_file(model.state_dict(), tmp_path / "a.safetensors")
    torch.save({"model": model.state_dict(), "step": 3}, tmp_path / "b.pt")
    for name in ("a.safetensors", "b.pt"):
        loaded = models.load("mobilefacenet", tmp_path / name).state_dict()
        assert all(torch.equal(loaded[key], value) for key, value in model.state_dict().items())


def test_wrong_weights_are_listed(published, tmp_path):
    state = dict(published)
    del state["stem.0.weight"]
    state["head.weight"] = torch.zeros(3)
    state["stem.1.bias"] = torch.zeros(65)
    torch.save(state, tmp_path / "bad.pth")
    with pytest.raises(ValueError) as caught:
        models.load("pocketnet_s_128", tmp_path / "bad.pth")
    text = str(caught.value)
    assert "1 missing: stem.0.weight" in text
    assert "1 unexpected: head.weight" in text
    assert "stem.1.bias (65,), expected (64,)" in text


def test_files_that_hold_no_weights(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.pth"):
        models.load("mobilefacenet", tmp_path / "none.pth")
    for name in ("text.pth", "text.safetensors"):
        (tmp_path / name).write_text("not weights")
        with pytest.raises(ValueError, match=name):
            models.load("mobilefacenet", tmp_path / name)
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ValueError, match="dict of tensors"):
        models.load("mobilefacenet", tmp_path / "list.pth")
