"""Streams of frames: equal to whole clips, apart from each other, saved and gone on with."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketvision import ClipClassifier, InputError, Model, ModelFileError, RunError
from pocketvision.clips.frames import central
from pocketvision.runtime.tensors import dequantised

FRAMES = np.random.default_rng(3).integers(0, 256, (40, 20, 26, 3), dtype=np.uint8)


def expected(folder: Path, frames: Any, modality: str = "rgb", mark: str = "") -> np.ndarray:
    """Logits of 16 frames in plain numpy: encoder and decoder run by themselves."""
    encoder, decoder = (
        Model(folder / f"{kind}{mark}.x86-64-portable.so") for kind in ("encoder", "decoder")
    )
    recipe = encoder.record.preprocess
    mean, std = (np.asarray(recipe[key], np.float32) for key in ("mean", "std"))
    small = np.stack([central(frame, 16) for frame in frames]).astype(np.float32)
    real = (small - mean) / std
    if modality == "difference":
        real = np.diff(small, axis=0) / std
    vectors = encoder.run(real, dequantise=True)
    logits = decoder.run(np.asarray(vectors, np.float32).reshape(decoder.inputs[0].shape))
    return np.asarray(logits, np.float32)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits.astype(np.float64) - logits.max())
    return (powers / powers.sum()).astype(np.float32)


def test_a_stream_gives_what_each_whole_window_gives(make_pair: Callable[..., Path]) -> None:
    folder = make_pair()
    classifier = ClipClassifier(folder)
    assert classifier.classes == ("fight", "none", "dance")
    found = [classifier.push(frame) for frame in FRAMES]
    assert all(scores is None for scores in found[:15])
    for end in range(16, len(FRAMES) + 1):
        np.testing.assert_array_equal(
            found[end - 1], softmax(expected(folder, FRAMES[end - 16 : end]))
        )
    assert len({scores.tobytes() for scores in found[15:]}) > 10  # the fixture tells frames apart
    whole = ClipClassifier(folder).classify(FRAMES[:16])
    np.testing.assert_array_equal(whole, found[15])


@pytest.mark.parametrize("modality", ["difference", "rgb+difference"])
def test_other_modalities(make_pair: Callable[..., Path], modality: str) -> None:
    folder = make_pair({"modality": modality})
    classifier = ClipClassifier(folder)
    found = [classifier.push(frame) for frame in FRAMES]
    assert [scores is None for scores in found] == [True] * 15 + [False] * 25
    kinds = modality.split("+")
    for end in (16, 30):
        frames = FRAMES[end - 16 : end]
        marks = [""] if len(kinds) == 1 else ["-1", "-2"]
        logits = [expected(folder, frames, k, m) for k, m in zip(kinds, marks, strict=True)]
        np.testing.assert_array_equal(found[end - 1], softmax(np.mean(logits, axis=0)))


def test_two_streams_of_one_model_do_not_meet(make_pair: Callable[..., Path]) -> None:
    folder = make_pair()
    one = ClipClassifier(folder)
    two = one.another()
    alone = [[ClipClassifier(folder).classify(FRAMES[a : a + 16]) for a in (0, 20)]]
    for first, second in zip(FRAMES[:16], FRAMES[20:36], strict=True):
        last = one.push(first), two.push(second)
    for found, single in zip(last, alone[0], strict=True):
        np.testing.assert_array_equal(found, single)
    one.reset()
    assert one.push(FRAMES[0]) is None and two.push(FRAMES[0]) is not None


@pytest.mark.parametrize("modality", ["rgb", "difference", "rgb+difference"])
@pytest.mark.parametrize("after", [1, 7, 16, 23])
def test_a_saved_stream_goes_on_anywhere(
    make_pair: Callable[..., Path], modality: str, after: int
) -> None:
    folder = make_pair({"modality": modality, "stride": 2})
    classifier = ClipClassifier(folder)
    for frame in FRAMES[:after]:
        classifier.push(frame)
    state = classifier.save()
    other = ClipClassifier(folder)
    other.push(FRAMES[39])
    other.load(state)
    for frame in FRAMES[after:]:
        one, two = classifier.push(frame), other.push(frame)
        assert (one is None) == (two is None)
        if one is not None:
            np.testing.assert_array_equal(one, two)
    assert classifier.save() == other.save()


def test_foreign_states_are_refused_and_change_nothing(make_pair: Callable[..., Path]) -> None:
    folder = make_pair()
    classifier = ClipClassifier(folder)
    for frame in FRAMES[:18]:
        classifier.push(frame)
    state = classifier.save()
    elsewhere = ClipClassifier(make_pair(SHA='"' + "f" * 64 + '"')).save()
    with pytest.raises(InputError, match="of other models than these"):
        classifier.load(elsewhere)
    head, _, rest = state.partition(b"\n")
    for wrong in (b"", b"{}\n", state[:-1], state + b"x", head, b"\n" + rest, "text",
                  head.replace(b'"skip": 0', b'"skip": 5') + b"\n" + rest,
                  head.replace(b"192", b"191") + b"\n" + rest[:-1]):  # fmt: skip
        with pytest.raises(InputError, match="state"):
            classifier.load(wrong)  # type: ignore[arg-type]
    assert classifier.save() == state


def test_a_stride_skips_frames(make_pair: Callable[..., Path]) -> None:
    folder = make_pair({"stride": 2})
    classifier = ClipClassifier(folder)
    found = [classifier.push(frame) for frame in FRAMES]
    assert found[30] is not None and found[29] is None
    np.testing.assert_array_equal(found[30], softmax(expected(folder, FRAMES[0:31:2])))
    np.testing.assert_array_equal(found[31], found[30])  # not looked at


def test_a_failed_decoder_leaves_the_stream_as_it_was(make_pair: Callable[..., Path]) -> None:
    folder = make_pair()
    picture = FRAMES[:1].repeat(17, axis=0)
    plain = ClipClassifier(folder)
    for frame in FRAMES[:16]:
        plain.push(frame)
    bad = np.full((16, 16, 3), 255, np.uint8)
    first = plain.another()._streams[0]
    first.push(central(bad, 16))
    begins = np.frombuffer(first.window.save(), np.int8)[0]
    classifier = ClipClassifier(make_pair(FAILS=int(begins)))
    for frame in FRAMES[:16]:
        classifier.push(frame)
    state = classifier.save()
    with pytest.raises(RunError):
        classifier.push(bad)
    assert classifier.save() == state
    np.testing.assert_array_equal(classifier.push(picture[0]), plain.push(picture[0]))


def test_ten_thousand_frames_take_no_more_memory(make_pair: Callable[..., Path]) -> None:
    classifier = ClipClassifier(make_pair())
    assert classifier.state_bytes <= 10_000
    for index in range(1000):
        classifier.push(FRAMES[index % 40])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for index in range(10_000):
        classifier.push(FRAMES[index % 40])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1024  # KiB


def test_videos_are_cut_into_windows(make_pair: Callable[..., Path], tmp_path: Path) -> None:
    folder = make_pair()
    classifier = ClipClassifier(folder)
    starts = [0, 12, 24]
    logits = [expected(folder, FRAMES[a : a + 16]) for a in starts]
    np.testing.assert_array_equal(
        classifier.classify(FRAMES, windows=3), softmax(np.mean(logits, axis=0))
    )
    middle = expected(folder, FRAMES[12:28])
    np.testing.assert_array_equal(classifier.classify(FRAMES, windows=1), softmax(middle))
    short = expected(folder, FRAMES[np.arange(16) * 5 // 16])
    np.testing.assert_array_equal(classifier.classify(FRAMES[:5]), softmax(short))
    np.testing.assert_array_equal(
        classifier.classify(iter(FRAMES), windows=3), classifier.classify(FRAMES, windows=3)
    )
    with pytest.raises(InputError, match="at least one frame, got none"):
        classifier.classify(FRAMES[:0])
    with pytest.raises(FileNotFoundError, match="no such video"):
        classifier.classify(tmp_path / "none.mp4")


def test_wrong_frames_are_named(make_pair: Callable[..., Path]) -> None:
    classifier = ClipClassifier(make_pair())
    for wrong in (FRAMES[0].astype(float), FRAMES[0][..., 0], None, "frame.png"):
        with pytest.raises(InputError, match="frame"):
            classifier.push(wrong)
    assert classifier.push(FRAMES[0][:9, :30]) is None  # another size is no fault


def test_models_that_are_no_pair(make_pair: Callable[..., Path], model_file: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder"):
        ClipClassifier("nowhere")
    folder = make_pair()
    (folder / "encoder.x86-64-portable.so").unlink()
    with pytest.raises(FileNotFoundError, match="encoder"):
        ClipClassifier(folder)
    with pytest.raises(ModelFileError, match=r"expected 16 vectors"):
        ClipClassifier(make_pair(STEPS=4))
    with pytest.raises(ModelFileError, match="2 streams, and 1 pairs"):
        other = make_pair({"modality": "rgb+difference"})
        for kind in ("encoder", "decoder"):
            (other / f"{kind}-2.x86-64-portable.so").unlink()
        ClipClassifier(other)
    faces = make_pair()
    (faces / "encoder.x86-64-portable.so").write_bytes(model_file.read_bytes())
    with pytest.raises(ModelFileError, match=r"no pair|different networks|no record"):
        ClipClassifier(faces)


def test_frames_are_cut_and_scaled_as_in_training() -> None:
    torch = pytest.importorskip("torch")
    from pocketvision.training.data.clips import views

    del torch
    for shape in ((20, 26), (128, 128), (240, 320), (17, 90)):
        frame = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
        for size in (16, 112):
            wanted = views.central(frame[None], size)[0].permute(1, 2, 0).numpy()
            apart = np.abs(central(frame, size).astype(int) - wanted)
            assert apart.max() <= 1 and (apart > 0).mean() < 0.01


def test_the_table_between_encoder_and_decoder_is_onnx_s(make_pair: Callable[..., Path]) -> None:
    classifier = ClipClassifier(make_pair())
    stream = classifier._streams[0]
    encoder, decoder = stream.part.encoder, stream.part.decoder
    small = central(FRAMES[0], 16)
    stream.push(small)
    kept = np.frombuffer(stream.window.save(), np.int8)
    stored = stream._values(small.astype(np.int16))
    real = dequantised(encoder.outputs[0], encoder.run(stored))
    tensor = decoder.inputs[0]
    wanted = np.clip(np.rint(real / np.float32(tensor.scale)) + tensor.zero_point, -128, 127)
    np.testing.assert_array_equal(kept, wanted.astype(np.int8))
