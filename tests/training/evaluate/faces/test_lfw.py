"""The LFW run on a small data set of the same format, every kind of embedder, and shipping."""

import json
import re

import numpy as np
import onnx
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
from safetensors.torch import save_file  # noqa: E402

from pocketvision import cli  # noqa: E402
from pocketvision.compile.pipeline import compile_model  # noqa: E402
from pocketvision.record import METADATA_KEY, FaceEmbedding, Record  # noqa: E402
from pocketvision.runtime.shipped import host_targets  # noqa: E402
from pocketvision.training import restate, ship  # noqa: E402
from pocketvision.training.evaluate.faces import embedders, lfw, pairs  # noqa: E402
from pocketvision.training.evaluate.faces.open_set import strangers  # noqa: E402
from pocketvision.training.models.stored.describe import digest  # noqa: E402


@pytest.fixture(scope="module")
def people(crops, tmp_path_factory):
    """(images, pairs.txt): six people with two nearly equal pictures each, 3 folds of 1000 + 1000.

    3,000 impostor pairs are what calibrating a threshold at FAR 1e-3 takes.
    """
    root = tmp_path_factory.mktemp("faces")
    noise = np.random.default_rng(0)
    for person in range(6):
        name = f"P{person}"
        (root / name).mkdir()
        for index in (1, 2):
            noisy = crops[person].astype(int) + noise.integers(-3, 4, crops[person].shape)
            picture = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
            picture.save(root / name / f"{name}_{index:04d}.jpg", quality=98)
    lines = ["3\t1000"]
    for _ in range(3):
        lines += [f"P{i % 6}\t1\t2" for i in range(1000)]
        lines += [f"P{i % 6}\t1\tP{(i + 1 + i // 6 % 5) % 6}\t2" for i in range(1000)]
    pairs_file = root / "pairs.txt"
    pairs_file.write_text("\n".join(lines) + "\n")
    return root, pairs_file


def means(crops):
    """An embedder by hand: mean colour of the four quarters."""
    n = len(crops)
    quarters = crops.reshape(n, 2, 56, 2, 56, 3).mean(axis=(2, 4)).reshape(n, -1)
    return (quarters - 127.5).astype(np.float32)


def test_a_separable_set_scores_one(people):
    result = lfw.evaluate(means, *people)
    assert (result.accuracy, result.std) == (1.0, 0.0)
    assert result.tar == {0.01: 1.0, 0.001: 1.0}
    assert (result.pairs, result.people, result.flip) == (6000, 6, True)
    data = json.loads(json.dumps(result.to_dict()))
    assert data["tar"] == {"0.01": 1.0, "0.001": 1.0}
    assert data["intervals"] == {"0.01": [1.0, 1.0], "0.001": [1.0, 1.0]}
    for rate, found in data["thresholds"].items():
        assert found["low"] <= found["value"] <= found["high"] and float(rate) in result.tar


def test_the_verb_prints_figures_and_draws_them(people, mobilefacenet_onnx, tmp_path, capsys):
    images, listed = map(str, people)
    model, plot = ["--model", str(mobilefacenet_onnx)], tmp_path / "roc.png"
    files = ["--images", images, "--pairs", listed, "--plot", str(plot)]
    assert cli.main(["evaluate", "lfw", *model, *files, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pairs"] == 6000
    assert Image.open(plot).size[0] > 1000
    assert cli.main(["evaluate", "lfw", *model, *files]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        r"accuracy \S+ % \+- \S+ % over folds, at threshold \S+ in the mean", lines[0]
    )
    for far, line in zip(("1", "0.1"), lines[1:], strict=False):
        assert re.fullmatch(rf"TAR \S+ % \(\S+ to \S+\) at FAR {far} %, threshold .*", line)
    assert lines[3].startswith("6,000 pairs, 6 people, with mirror images; bounds of 95 %")
    assert len(lines) == 4


def test_the_verb_names_what_a_protocol_does_not_take(capsys):
    for arguments, message in (
        (["lfw", "--model", "m", "--pairs", "p"], "--images"),
        (["lfw", "--model", "m", "--images", "i"], "--pairs"),
        (["bin", "--model", "m"], "--pairs"),
        (["folder", "--model", "m"], "--images"),
        (["folder", "--model", "m", "--images", "i", "--pairs", "p"], "it takes no --pairs"),
        (["lfw", "--model", "m", "--images", "i", "--landmarks", "p"], "it takes no --landmarks"),
        (["bin", "--model", "m", "--pairs", "p", "--plot", "x.png"], "leave them out"),
    ):
        assert cli.main(["evaluate", *arguments]) == 2
        assert message in capsys.readouterr().err


def test_flip_adds_the_mirror_image(people):
    seen = []

    def spy(crops):
        seen.append(crops)
        return means(crops)

    assert not lfw.evaluate(spy, *people, flip=False).flip
    plain = len(seen)
    lfw.evaluate(spy, *people, flip=True)
    assert len(seen) == 3 * plain
    assert (seen[plain + 1] == seen[plain][:, :, ::-1]).all()


def test_a_constant_embedder_scores_half(people):
    result = lfw.evaluate(lambda crops: np.ones((len(crops), 2), np.float32), *people)
    assert result.accuracy == 0.5


def test_missing_images_are_listed(people, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"12 of 12 images.*P0/P0_0001\.jpg"):
        lfw.evaluate(means, tmp_path, people[1])


def test_onnx_embedders_match_torch_and_each_other(mobilefacenet, mobilefacenet_onnx, crops):
    found = embedders.load(str(mobilefacenet_onnx))(crops[:3])
    x = torch.from_numpy(((crops[:3].astype(np.float32) - 127.5) / 127.5).transpose(0, 3, 1, 2))
    with torch.no_grad():
        assert np.abs(found - mobilefacenet(x).numpy()).max() < 1e-4


def test_a_record_overrides_the_default_preprocessing(mobilefacenet_onnx, crops, tmp_path):
    model = onnx.load(mobilefacenet_onnx)
    prepare = {"size": [112, 112], "colour": "BGR", "mean": [100.0, 110.0, 120.0]}
    prepare |= {"std": [128.0] * 3, "template": None}
    record = Record("m", "v1", "face-embedding", prepare, FaceEmbedding(128))
    model.metadata_props.add(key=METADATA_KEY, value=record.to_json())
    onnx.save(model, tmp_path / "m.onnx")
    found = embedders.OnnxEmbedder(tmp_path / "m.onnx")(crops[:2])
    plain = embedders.OnnxEmbedder(mobilefacenet_onnx, mean=[100, 110, 120], std=[128] * 3)
    assert np.array_equal(found, plain(np.ascontiguousarray(crops[:2, ..., ::-1])))


def test_bad_models(tmp_path, crops, mobilefacenet_onnx):
    with pytest.raises(FileNotFoundError, match=r"none\.onnx"):
        embedders.load(str(tmp_path / "none.onnx"))
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ValueError, match=r"text\.onnx"):
        embedders.load(str(tmp_path / "text.onnx"))
    with pytest.raises(ValueError, match="uint8"):
        embedders.load(str(mobilefacenet_onnx))(crops.astype(np.float32))


def test_ship_writes_everything_the_package_needs(mobilefacenet, people, crops, tmp_path, capfd):
    training = tmp_path / "train"
    training.mkdir()
    for index, crop in enumerate(crops):
        Image.fromarray(crop).save(training / f"{index:02d}.png")
    save_file(mobilefacenet.state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "log.csv").write_text("1,2\n")
    out = tmp_path / "weights"
    origin = ship.Origin("test.v1", None, "random pictures", "Apache-2.0")
    weights = tmp_path / "model.safetensors"
    before, after = ship.ship("mobilefacenet", weights, training, *people, out, origin, count=8)
    assert {path.name for path in out.iterdir()} == {
        "mobilefacenet.safetensors", "mobilefacenet.json", "mobilefacenet.int8.onnx",
        "mobilefacenet.log.csv", "mobilefacenet.sqnr.png",
    }  # fmt: skip
    floating = Record.from_json((out / "mobilefacenet.json").read_text())
    inside = embedders.OnnxEmbedder(out / "mobilefacenet.int8.onnx").record
    assert floating.full_name == inside.full_name == "mobilefacenet.test.v1"
    assert floating.scores == inside.scores
    assert {s["precision"] for s in inside.scores} == {"float32", "int8"}
    assert [t["far"] for t in inside.thresholds] == [0.01, 0.001]
    for entry in inside.thresholds:
        assert entry["interval"][0] <= entry["threshold"] <= entry["interval"][1]
    assert inside.sha256["float_weights"] == floating.sha256["float_weights"]
    (compiled,) = compile_model(out / "mobilefacenet.int8.onnx", host_targets()[0], tmp_path)
    assert lfw.evaluate(str(compiled.path), *people) == after
    assert before.accuracy > 0.9
    again(out, people)


def again(out, people):
    """Thresholds that were lowered are stated as they were; only they and digests change."""
    page, network = out / "mobilefacenet.json", out / "mobilefacenet.int8.onnx"
    texts = page.read_text(), embedders.OnnxEmbedder(network).record.to_json()
    listed = pairs.read(people[1])
    everybody = strangers.read(people[0])
    found = restate.embeddings("mobilefacenet", out, everybody)
    impostors = ~np.array(listed.same)
    right = [
        restate.thresholds(rows, everybody, people[0], listed, kind)
        for rows, kind in zip(found, ("float32", "int8"), strict=True)
    ]
    view = [everybody.paths.index(people[0] / name) for name in listed.images]
    for rows, entries in zip(found, right, strict=True):
        for entry in entries:
            accepted = (lfw.cosines([rows[view]], listed)[impostors] >= entry["threshold"]).sum()
            assert accepted <= entry["far"] * impostors.sum() + 1e-9
    low = [[entry | {"threshold": -0.5} for entry in entries] for entries in right]
    restate.restate("mobilefacenet", out, *low)
    assert "-0.5" in page.read_text() and page.read_text() != texts[0]
    restate.restate("mobilefacenet", out, *right)
    assert (page.read_text(), embedders.OnnxEmbedder(network).record.to_json()) == texts
    entry = {"size": 10, "fpir": 0.01, "threshold": 0.5, "interval": [0.0, 0.02],
             "dataset": "made", "protocol": "none"}  # fmt: skip
    restate.restate("mobilefacenet", out, *right, ([entry], [entry | {"size": 20}]))
    restate.restate("mobilefacenet", out, *right)  # keeps what it is not told of
    inside = embedders.OnnxEmbedder(network).record
    assert Record.from_json(page.read_text()).identification == [entry]
    assert inside.identification == [entry | {"size": 20}] and inside.thresholds == right[1]
    small = {"dataset": "LFW, small", "protocol": "p", "precision": "int8", "accuracy": 0.8,
             "std": 0.0}  # fmt: skip
    before = inside.scores
    for accuracy in (0.7, 0.8):
        told = [small | {"accuracy": accuracy}]
        restate.restate("mobilefacenet", out, *right, smallest=11, scores=told)
    inside = embedders.OnnxEmbedder(network).record
    assert inside.face.smallest == 11 and inside.scores == [*before, small]
    assert Record.from_json(page.read_text()).scores == inside.scores
    assert Record.from_json(page.read_text()).sha256["int8_onnx"] == digest(network)
    network.write_bytes(network.read_bytes() + b"\0")
    with pytest.raises(ValueError, match=r"int8\.onnx: not the file whose digest"):
        restate.restate("mobilefacenet", out, *right)
    with pytest.raises(FileNotFoundError, match=r"pocketnet-s-128\.json: no such file"):
        restate.restate("pocketnet-s-128", out, *right)


@pytest.mark.shared
def test_teacher_figure_on_200_real_pairs(shared_data, tmp_path):
    """The first 100 genuine and 100 impostor pairs with the MIT teacher: at least 97 % right."""
    lines = (shared_data / "lfw_pairs.txt").read_text().splitlines()
    part = tmp_path / "pairs.txt"
    chosen = lines[1:51] + lines[301:351] + lines[601:651] + lines[901:951]
    part.write_text("\n".join(["2\t50", *chosen]) + "\n")
    teacher = embedders.OnnxEmbedder(
        shared_data / "models" / "mobileface_v2.onnx", mean=[0.0] * 3, std=[1.0] * 3
    )
    assert lfw.evaluate(teacher, shared_data / "lfw_112", part, flip=False).accuracy >= 0.97
