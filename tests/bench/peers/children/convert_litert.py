"""LiteRT in its own environment: a torch program to float32 and int8 .tflite files.

    python convert_litert.py PROGRAM.pt2 CALIBRATION.npy OUT

Writes ``OUT.float32.tflite`` by litert-torch and ``OUT.int8.tflite`` by ai-edge-quantizer's static
recipe (int8 weights per channel, int8 activations, calibrated).
"""

from __future__ import annotations

import sys

import litert_torch
import numpy as np
import torch
from ai_edge_quantizer import algorithm_manager, qtyping, quantizer, recipe


def main(program: str, calibration: str, out: str) -> None:
    faces = np.load(calibration)
    module = torch.export.load(program).module()
    # Channels last at the border as well, so that no transpose is left in the graph.
    module = litert_torch.to_channel_last_io(module, args=[0])
    example = torch.from_numpy(faces[:1].transpose(0, 2, 3, 1).copy())
    floats = f"{out}.float32.tflite"
    litert_torch.convert(module, (example,)).export(floats)
    work = quantizer.Quantizer(floats)
    work.load_quantization_recipe(recipe.static_wi8_ai8())
    # Else the border would be int8, and the conversion from float be left to the caller.
    for border in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT):
        work.update_quantization_recipe(
            ".*", border, algorithm_key=algorithm_manager.AlgorithmName.NO_QUANTIZE
        )
    name = _input_name(floats)
    samples = [{name: np.ascontiguousarray(face.transpose(1, 2, 0))[np.newaxis]} for face in faces]
    found = work.calibrate({"serving_default": samples})
    work.quantize(found).export_model(f"{out}.int8.tflite", overwrite=True)


def _input_name(path: str) -> str:
    from ai_edge_litert.interpreter import Interpreter

    signatures = Interpreter(model_path=path).get_signature_list()
    return str(signatures["serving_default"]["inputs"][0])


if __name__ == "__main__":
    main(*sys.argv[1:])
