"""The int8 file: structure, exact pixels, shared scales, record, report, closeness to float."""

from collections import Counter

import numpy as np
import onnx
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from pocketvision.record import METADATA_KEY, Record  # noqa: E402
from pocketvision.training.evaluate.faces.embedders import OnnxEmbedder  # noqa: E402
from pocketvision.training.export import export  # noqa: E402
from pocketvision.training.quantize import pixels, qdq, quantize_model, report  # noqa: E402
from pocketvision.training.quantize.calibrate import session, watch  # noqa: E402
from pocketvision.training.quantize.feed import Input  # noqa: E402
from pocketvision.training.quantize.fold import fold  # noqa: E402

FACES = {"task": "face-embedding", "mean": 127.5, "std": 127.5}
CROP = Input("input", (1, 3, 112, 112))
FLOATING = {"Conv", "PRelu", "Add", "Concat", "MaxPool", "Reshape", "Gemm"}


@pytest.fixture(scope="module")
def int8(mobilefacenet_onnx, crops, tmp_path_factory):
    """MobileFaceNet quantised, and the report's picture beside it."""
    folder = tmp_path_factory.mktemp("int8")
    out, picture = folder / "m.int8.onnx", folder / "m.png"
    return quantize_model(mobilefacenet_onnx, crops, out, count=8, report=picture, **FACES).file


def weights(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}


def scales(model: onnx.ModelProto) -> dict[str, tuple[float, int]]:
    """(scale, zero point) of each dequantised activation, by the name the operators read."""
    known = weights(model)
    return {
        node.output[0]: (known[node.input[1]].item(), known[node.input[2]].item())
        for node in model.graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] not in known
    }


def test_every_operator_reads_and_writes_8_bits(int8):
    model = onnx.load(int8)
    known, dequantised = weights(model), scales(model)
    kinds = Counter(node.op_type for node in model.graph.node)
    assert set(kinds) <= FLOATING | {"QuantizeLinear", "DequantizeLinear"}
    readers = {name: n for n in model.graph.node for name in n.input}
    for node in model.graph.node:
        if node.op_type in FLOATING:
            assert node.input[0] in dequantised, node.name
            assert readers[node.output[0]].op_type == "QuantizeLinear", node.name
        if node.op_type == "PRelu":
            assert known[node.input[1]].dtype == np.float32


def test_weights_are_symmetric_per_channel_and_biases_follow(int8):
    model = onnx.load(int8)
    known, dequantised = weights(model), scales(model)
    maker = {name: n for n in model.graph.node for name in n.output}
    convolutions = [n for n in model.graph.node if n.op_type == "Conv"]
    assert len(convolutions) == 50
    for node in convolutions:
        weight, bias = maker[node.input[1]], maker[node.input[2]]
        stored = known[weight.input[0]]
        assert stored.dtype == np.int8
        assert known[weight.input[1]].shape == (stored.shape[0],)
        assert not known[weight.input[2]].any()
        assert known[bias.input[0]].dtype == np.int32
        expected = np.float32(dequantised[node.input[0]][0]) * known[weight.input[1]]
        assert np.allclose(known[bias.input[1]], expected, rtol=1e-6)


def test_pixels_are_stored_values_exactly(int8):
    model = onnx.load(int8)
    (first,) = [n for n in model.graph.node if n.input[0] == "input"]
    record = OnnxEmbedder(int8).record
    shades = np.arange(256, dtype=np.float32)
    planes = np.zeros((1, 3, 112, 112), np.float32)
    planes[0, :, 0] = (shades[:112] - record.preprocess["mean"][0]) / record.preprocess["std"][0]
    planes[0, :, 1] = (shades[144:] - record.preprocess["mean"][0]) / record.preprocess["std"][0]
    stored = session(watch(model, [first.output[0]])).run([first.output[0]], {"input": planes})[0]
    assert stored.dtype == np.uint8
    assert (stored[0, 0, 0] == shades[:112]).all()
    assert (stored[0, 0, 1] == shades[144:]).all()


def test_int8_is_close_to_float(int8, mobilefacenet_onnx, crops):
    expected = OnnxEmbedder(mobilefacenet_onnx)(crops[40:])
    assert report.cosine(expected, OnnxEmbedder(int8)(crops[40:])).mean() > 0.8


def test_record_states_quantiser_preprocessing_and_chain(int8, mobilefacenet_onnx):
    (text,) = [e.value for e in onnx.load(int8).metadata_props if e.key == METADATA_KEY]
    record = Record.from_json(text)
    assert record.name == "mobilefacenet"
    assert record.embedding == 128
    assert record.preprocess["mean"] == [128.0] * 3
    assert "8 images" in record.quantiser
    assert len(record.sha256["float_onnx"]) == 64


def test_report_has_a_row_per_activation_and_a_picture(int8, mobilefacenet_onnx, normalised):
    with Image.open(int8.with_name("m.png")) as image:
        assert image.width > 800
    folded = fold(onnx.load(mobilefacenet_onnx))
    floating = pixels.recentre(folded, CROP, [127.5] * 3, [127.5] * 3).model
    shifted = normalised[:1] - np.float32(0.5 / 127.5)
    rows = report.sqnr(floating, onnx.load(int8), [{"input": shifted}])
    assert len(rows) == len(floating.graph.node)
    assert rows[0].operator == "Conv"
    assert rows[0].sqnr > 20
    assert rows[-1].tensor == "embedding"
    assert all(np.isfinite(row.sqnr) for row in rows)


def test_sqnr_by_hand(tmp_path):
    class Scale(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 1, 1)
            torch.nn.init.ones_(self.conv.weight)
            torch.nn.init.zeros_(self.conv.bias)

        def forward(self, x):
            return torch.flatten(self.conv(x), 1)

    model = fold(onnx.load(export(Scale(), tmp_path / "n.onnx", size=2)))
    names = [name for node in model.graph.node for name in node.output]
    step = 3.0 / 127  # zero point 0 for a range of (-128, 127) steps
    quantized = qdq.quantize(model, {name: (-128 * step, 127 * step) for name in ["input", *names]})
    x = np.full((1, 3, 2, 2), 10.4 * step, np.float32)  # stored as 10; the sum is 30 of 31.2 steps
    row = report.sqnr(model, quantized, [{"input": x}])[0]
    assert row.sqnr == pytest.approx(20 * np.log10(31.2 / 1.2), abs=0.05)


def test_recentred_network_is_the_same_function_inside_the_border(lively, crops, tmp_path):
    network = lively(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(1)), size=16)
    model = fold(onnx.load(export(network, tmp_path / "n.onnx", size=16)))
    into = Input("input", (1, 3, 16, 16))
    moved = pixels.recentre(model, into, [127.5, 120.0, 110.0], [127.5] * 3)
    assert moved.range == (-128 / 127.5, 127 / 127.5)
    crop = crops[:1, :16, :16].astype(np.float32)
    old = ((crop - np.float32([127.5, 120, 110])) / np.float32(127.5)).transpose(0, 3, 1, 2)
    new = ((crop - 128) / np.float32(127.5)).transpose(0, 3, 1, 2)
    (a,), (b,) = (
        report.run(session(network), [{"input": x}])
        for network, x in ((model, old), (moved.model, new))
    )
    assert np.abs(a - b).max() < 1e-4


def test_bad_input(int8, mobilefacenet_onnx, crops, tmp_path):
    out = tmp_path / "o.onnx"
    with pytest.raises(FileNotFoundError, match=r"none\.onnx"):
        quantize_model(tmp_path / "none.onnx", crops, out)
    with pytest.raises(ValueError, match="quantised already"):
        quantize_model(int8, crops, out)
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(ValueError, match=r"text\.onnx"):
        quantize_model(tmp_path / "text.onnx", crops, out)
    with pytest.raises(ValueError, match="expected 80 samples, .* found 48"):
        quantize_model(mobilefacenet_onnx, crops, out, count=48, **FACES)
    with pytest.raises(ValueError, match="count: expected at least 1 picture"):
        quantize_model(mobilefacenet_onnx, crops, out, count=0)
    with pytest.raises(ValueError, match="uint8"):
        quantize_model(mobilefacenet_onnx, crops.astype(np.float32), out, count=8)
    with pytest.raises(FileNotFoundError, match="folder"):
        quantize_model(mobilefacenet_onnx, tmp_path / "nowhere", out)
    for index in range(33):
        Image.fromarray(crops[0, :50]).save(tmp_path / f"{index}.png")
    with pytest.raises(ValueError, match="50x112"):
        quantize_model(mobilefacenet_onnx, tmp_path, out, count=1, **FACES)
    with pytest.raises(ValueError, match="mean and std"):
        quantize_model(mobilefacenet_onnx, crops, out, count=8)
    assert not out.exists()
