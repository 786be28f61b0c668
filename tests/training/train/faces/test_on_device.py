"""The loop away from the CPU: on "meta" in place of a GPU, where nothing may meet what stayed.

"meta" tensors have shapes and no content, so whole runs go through the loop with made-up numbers:
what is proved is that all tensors of an operation are on one device, that random numbers are drawn
on the host, and that what is written was brought back to it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils._pytree import tree_leaves  # noqa: E402
from torch.utils.data._utils.pin_memory import pin_memory  # noqa: E402

from pocketvision.training.distill import osakd  # noqa: E402
from pocketvision.training.run import state  # noqa: E402
from pocketvision.training.train.faces import batches, loop, read, train  # noqa: E402

from . import test_loop  # noqa: E402
from .test_loop import ARCFACE, METHODS, TEACHER, log, recipe  # noqa: E402

data, tiny = test_loop.data, test_loop.tiny

REACH = "[views]\nturn = 0.1\nstretch = 0.1\ntint = 0.1\ncompose = 0.5\n"
WAYS = METHODS | {
    "all views": REACH + TEACHER.format(loss="template", cached="false"),
    "sharded": ARCFACE + "\nsharded = true",
    "kl": METHODS["osakd"] + '\ndivergence = "kl"',
}
MOVES = (torch.ops.aten._to_copy, torch.ops.aten.copy_)
MADE_UP = 0.5


class OneDevice(TorchDispatchMode):
    """An operation on two devices is an error, and so is a random one that is not on the CPU."""

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None) -> Any:
        keywords = keywords or {}
        result = function(*arguments, **keywords)
        tensors = [x for x in tree_leaves((arguments, keywords)) if isinstance(x, torch.Tensor)]
        # Single numbers may stay on the host: CUDA takes them along as arguments.
        devices = {x.device.type for x in tensors if x.ndim}
        assert len(devices) < 2 or function.overloadpacket in MOVES, f"{function} on {devices}"
        if torch.Tag.nondeterministic_seeded in function.tags:
            made = {x.device.type for x in tree_leaves(result) if isinstance(x, torch.Tensor)}
            assert made <= {"cpu"}, f"{function} draws on {made}"
        return result


@pytest.fixture
def away(monkeypatch) -> None:
    """Runs are on "meta"; whatever the host asks it for has a value."""
    real = {name: getattr(torch.Tensor, name) for name in ("cpu", "item", "__bool__")}

    def cpu(self: torch.Tensor) -> torch.Tensor:
        if not self.is_meta:
            return real["cpu"](self)
        return torch.full(self.shape, MADE_UP).to(self.dtype)

    monkeypatch.setattr(loop, "choose", lambda wish: torch.device("meta"))
    monkeypatch.setattr(torch.Tensor, "cpu", cpu)
    for name, value in (("item", MADE_UP), ("__bool__", True)):
        monkeypatch.setattr(
            torch.Tensor,
            name,
            lambda self, name=name, value=value: value if self.is_meta else real[name](self),
        )


@pytest.mark.filterwarnings("ignore:.*no-op:UserWarning")  # meta weights are loaded from no file
@pytest.mark.parametrize("way", WAYS)
def test_a_run_keeps_to_its_device(way: str, data: Path, tmp_path: Path, away) -> None:
    path = recipe(tmp_path, WAYS[way], steps=6)
    path.write_text(path.read_text().replace('"float32"', '"auto"'))
    with OneDevice():
        train(read(path), data, tmp_path / "run", 4)
        train(read(path), data, tmp_path / "run")
    assert [row["step"] for row in log(tmp_path / "run")] == [1, 2, 3, 4, 5, 6]
    stored = torch.load(tmp_path / "run" / state.LAST, weights_only=True)
    tensors = [x for x in tree_leaves(stored) if isinstance(x, torch.Tensor)]
    assert len(tensors) > 10 and {x.device.type for x in tensors} == {"cpu"}
    for name in ("model.safetensors", "snapshots/epoch-001.safetensors"):
        model = test_loop.Tiny()
        state.load_weights(tmp_path / "run" / name, model)
        assert (model.out.weight == MADE_UP).all()


def test_multi_step_teachers_follow(data: Path, tmp_path: Path, away) -> None:
    random = torch.Generator().manual_seed(1)
    model = test_loop.Tiny()
    model.out.weight.data.normal_(generator=random)
    for epoch in (1, 2):
        state.save_weights(data / "staged" / "snapshots" / f"epoch-00{epoch}.safetensors", model)
    tables = '[embedding]\nloss = "template"\nsnapshots = "tiny:staged"'
    with OneDevice():
        train(read(recipe(tmp_path, tables, steps=6)), data, tmp_path / "run")
    assert len(log(tmp_path / "run")) == 6


def test_a_tensor_that_stays_behind_is_found() -> None:
    host, away = torch.ones(2, 2), torch.ones(2, 2, device="meta")
    with OneDevice():
        torch.add(away, 1.0)
        for mixed in (lambda: away @ host, lambda: away.gather(1, host.long())):
            with pytest.raises((AssertionError, RuntimeError)):
                mixed()
        with pytest.raises(AssertionError, match="draws on"):
            torch.rand(3, device="meta")


def test_the_queue_follows_the_module() -> None:
    queue = osakd.Queue(5)
    queue.push(torch.rand(3, 2), torch.arange(3))
    other = osakd.Queue(5)
    other.load_state_dict(queue.state_dict())
    assert other.bank is not None and all(x.device.type == "cpu" for x in other.bank)
    other.to("meta")
    assert all(x.is_meta for x in other.bank)
    assert list(other.state_dict()) == ["_extra_state"]


def test_indices_stay_on_the_host() -> None:
    batch = batches.Batch(torch.ones(2, 4, 4, 3), None, torch.arange(2), torch.arange(2))
    moved = batch.to(torch.device("meta"))
    assert moved.first.is_meta and moved.labels.is_meta and moved.second is None
    assert not moved.indices.is_meta


def test_the_loader_pins_whole_batches(monkeypatch) -> None:
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self, *_: self + 1)
    for second in (None, torch.zeros(2, 4, 4, 3)):
        batch = batches.Batch(torch.zeros(2, 4, 4, 3), second, torch.zeros(2), torch.arange(2))
        pinned = pin_memory(batch)
        assert isinstance(pinned, batches.Batch) and pinned.indices is batch.indices
        assert (pinned.first == 1).all() and (pinned.labels == 1).all()
        assert pinned.second is None if second is None else (pinned.second == 1).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")
@pytest.mark.parametrize("way", ["angular with arcface", "osakd", "all views"])
def test_two_steps_on_a_gpu_go_on_on_the_cpu(way: str, data: Path, tmp_path: Path) -> None:
    path = read(recipe(tmp_path, WAYS[way], steps=3, top='device = "cuda"'))
    train(path, data, tmp_path / "run", 2)
    train(read(recipe(tmp_path, WAYS[way], steps=3, top='device = "cpu"')), data, tmp_path / "run")
    train(read(recipe(tmp_path, WAYS[way], steps=3, top='device = "cpu"')), data, tmp_path / "cpu")
    for a, b in zip(log(tmp_path / "run"), log(tmp_path / "cpu"), strict=True):
        assert a["loss"] == pytest.approx(b["loss"], rel=0.1)  # TF32 convolutions
