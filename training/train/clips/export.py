"""A run's network as ONNX files, an encoder and a decoder each stream, as a live system runs them.

    python -m pocketvision.training.train.clips.export runs/rgb/fold-1 --out onnx/

``encoder.onnx``: ``frame`` float32 (1, C, S, S), scaled, to ``vector`` (1, width): once a frame.
``decoder.onnx``: ``window`` (1, T, width), the last vectors, oldest first, to ``logits`` (1,
classes). Of two streams the files are numbered, and their logits are averaged; an encoder of
differences takes the difference of two scaled frames. The run's record is in every file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import onnx
from torch import nn

from pocketvision.files import write_whole
from pocketvision.record import METADATA_KEY, Record

from ... import models
from ...export import export_shape
from ...models.vtn.network import MODALITIES, VTN, FrameEncoder, TwoStream
from ...run import state


def export(run: Path, out: Path) -> list[Path]:
    """Writes the files of a run that is through into ``out``, and returns them.

    Raises:
        FileNotFoundError: the run is not through.
        ValueError: it is none of clips.
    """
    weights = run / "model.safetensors"
    if not weights.is_file():
        raise FileNotFoundError(f"{run}: no {weights.name}; the run is not through")
    record = Record.from_json(weights.with_suffix(".json").read_text(encoding="utf-8"))
    if record.architecture is None or record.task != "clips":
        raise ValueError(f"{run}: expected a run of clips, got one of {record.task}")
    network = models.built(record.name, record.architecture).make()
    assert isinstance(network, VTN | TwoStream)
    state.load_weights(weights, network)
    streams = list(network.streams) if isinstance(network, TwoStream) else [network]
    modalities = str(record.architecture.get("modality", "rgb")).split("+")
    size = record.preprocess["size"][0]
    files: list[Path] = []
    for number, (stream, modality) in enumerate(zip(streams, modalities, strict=True), 1):
        assert isinstance(stream, VTN)
        mark = f"-{number}" if len(streams) > 1 else ""
        parts: list[tuple[str, nn.Module, tuple[int, ...], tuple[str, str]]] = [
            ("encoder", FrameEncoder(stream), (MODALITIES[modality][1], size, size),
             ("frame", "vector")),
            ("decoder", stream.decoder, tuple(stream.decoder.position.table.shape),
             ("window", "logits")),
        ]  # fmt: skip
        for name, part, shape, names in parts:
            path = export_shape(part, shape, out / f"{name}{mark}.onnx", names)
            _note(path, record)
            files.append(path)
    return files


def _note(path: Path, record: Record) -> None:
    """Puts the record into the file."""
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {METADATA_KEY: record.to_json()})
    write_whole(path, lambda file: file.write(model.SerializeToString()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="the folder of a fold, or of a run without folds")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    given = parser.parse_args()
    try:
        print(*export(given.run, given.out), sep="\n")
    except (OSError, ValueError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
