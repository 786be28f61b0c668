"""Which device a recipe gets, what is said where there is none, and what each device is given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from pocketvision import cli  # noqa: E402
from pocketvision.training.distill import teacher  # noqa: E402
from pocketvision.training.run import accelerate, device, ranks  # noqa: E402


@pytest.fixture
def gpus(monkeypatch):
    """Makes torch believe in a number of GPUs; returns the list of those made current."""
    current: list[int] = []

    def believe(count: int, local: int | None = None) -> list[int]:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.cuda, "set_device", current.append)
        monkeypatch.delenv("LOCAL_RANK", raising=False)
        if local is not None:
            monkeypatch.setenv("LOCAL_RANK", str(local))
        return current

    return believe


@pytest.mark.parametrize(
    ("wish", "count", "local", "expected"),
    [
        ("auto", 0, None, "cpu"),
        ("auto", 1, None, "cuda:0"),
        ("auto", 4, 3, "cuda:3"),
        ("cuda", 2, 1, "cuda:1"),
        ("cpu", 4, 3, "cpu"),
        ("cpu", 0, 7, "cpu"),
    ],
)
def test_choice(wish: str, count: int, local: int | None, expected: str, gpus) -> None:
    current = gpus(count, local)
    assert device.choose(wish) == torch.device(expected)
    assert current == ([] if expected == "cpu" else [local or 0])


def test_no_gpu_and_too_few_are_named(gpus) -> None:
    gpus(0)
    with pytest.raises(ValueError, match=r'expected a CUDA GPU, but torch .* none.*"auto"'):
        device.choose("cuda")
    gpus(2, local=2)
    with pytest.raises(ValueError, match="a GPU for each rank, got 2 for rank 2.*per-node 2"):
        device.choose("auto")


def test_the_command_says_so_before_it_starts(gpus, tmp_path: Path, capsys) -> None:
    gpus(0)
    recipe = tmp_path / "r.toml"
    recipe.write_text(
        'model = "facechain_25m"\nbatch = 8\nsteps = 1\ndevice = "cuda"\n'
        '[optimiser]\nlearning_rate = 0.1\n[data]\nroot = "faces"\n[margin]\n'
    )
    assert cli.main(["train", str(recipe), "--out", str(tmp_path / "run"), "--data", "."]) == 2
    assert "expected a CUDA GPU" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    recipe.write_text(recipe.read_text().replace('"cuda"', '"tpu"'))
    assert cli.main(["train", str(recipe), "--out", str(tmp_path / "run"), "--data", "."]) == 2
    assert "device: expected one of auto, cpu, cuda, got 'tpu'" in capsys.readouterr().err


def test_ranks_meet_over_nccl_on_gpus_and_gloo_elsewhere(gpus, monkeypatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(torch.distributed, "init_process_group", asked.append)
    monkeypatch.setenv("WORLD_SIZE", "1")
    ranks.start()
    monkeypatch.setenv("WORLD_SIZE", "2")
    for count in (0, 2):
        gpus(count)
        ranks.start()
    assert asked == ["gloo", "cpu:gloo,cuda:nccl"]


def test_batch_norm_over_ranks_is_the_devices(monkeypatch) -> None:
    monkeypatch.setattr(ranks, "world", lambda: 2)
    kinds = {"cpu": ranks.GlobalBatchNorm2d, "cuda:1": nn.SyncBatchNorm}
    for name, kind in kinds.items():
        model = ranks.synchronised(nn.Sequential(nn.BatchNorm2d(3)), torch.device(name))
        assert type(model[0]) is kind


def test_precision(monkeypatch) -> None:
    gpu, meta = torch.device("cuda", 0), torch.device("meta")
    for fast in (True, False):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: fast)  # noqa: B023
        monkeypatch.setattr(device, "fast_bfloat16", lambda: not fast)  # noqa: B023
        assert device.bfloat16("auto", gpu) == fast
        assert device.bfloat16("auto", device.CPU) != fast
    assert not device.bfloat16("auto", meta)
    for place in (gpu, device.CPU, meta):
        assert device.bfloat16("bfloat16", place) and not device.bfloat16("float32", place)


@pytest.mark.parametrize(
    ("found", "fast"),
    [
        ({"avx512_f": True, "avx512_vnni": True, "avx512_bf16": False, "amx_bf16": False}, False),
        ({"avx512_f": True, "avx512_bf16": True}, True),
        ({"amx_bf16": True}, True),
        ({"architecture": "aarch64"}, False),
    ],
)
def test_bfloat16_only_where_the_processor_multiplies_it(found, fast, monkeypatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found)
    assert accelerate.fast_bfloat16() is fast


def test_forwards_are_swapped_on_cpus_only() -> None:
    for place in ("cpu", "meta"):
        model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.PReLU(4)).to(place)
        accelerate.accelerate(model)
        assert ("forward" in vars(model[1])) == (place == "cpu")
        assert model[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_an_onnx_teacher_uses_the_gpu_where_onnxruntime_can(monkeypatch, tmp_path: Path) -> None:
    asked: list[list] = []

    class Session:
        def __init__(self, model: str, options: object, providers: list):
            asked.append(providers)

        def get_inputs(self) -> list:
            return [type("Input", (), {"name": "x", "shape": ["N", 3, 112, 112]})]

        def run(self, _: None, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
            return [feed["x"].reshape(len(feed["x"]), -1)[:, :4]]

    onnxruntime = teacher.onnxruntime
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    (tmp_path / "t.onnx").touch()
    for found in (["CPUExecutionProvider"], ["CUDAExecutionProvider", "CPUExecutionProvider"]):
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: found)  # noqa: B023
        for place in (device.CPU, torch.device("cuda", 1)):
            opened = teacher.open_teacher("t.onnx", tmp_path, place)
    gpu = ("CUDAExecutionProvider", {"device_id": 1})
    assert asked == [["CPUExecutionProvider"]] * 3 + [[gpu, "CPUExecutionProvider"]]
    rows = opened(torch.rand(33, 3, 112, 112))
    assert rows.shape == (33, 4) and np.allclose(np.linalg.norm(rows, axis=1), 1)
