"""ExecuTorch in its own environment: a torch program to float32 and int8 .pte files for XNNPACK.

    python convert_executorch.py PROGRAM.pt2 CALIBRATION.npy OUT

Writes ``OUT.float32.pte`` and ``OUT.int8.pte``, the latter by torchao's post-training
quantisation with ExecuTorch's XNNPACK quantiser (per channel, static, calibrated).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
    XNNPACKQuantizer,
    get_symmetric_quantization_config,
)
from executorch.exir import to_edge_transform_and_lower
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e


def main(program: str, calibration: str, out: str) -> None:
    faces = torch.from_numpy(np.load(calibration))
    module = torch.export.load(program).module()
    example = (faces[:1],)
    _write(torch.export.export(module, example), Path(f"{out}.float32.pte"))
    work = XNNPACKQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True))
    prepared = prepare_pt2e(module, work)
    with torch.no_grad():
        for face in faces:
            prepared(face[None])
    quantised = convert_pt2e(prepared)
    _write(torch.export.export(quantised, example), Path(f"{out}.int8.pte"))


def _write(program: Any, path: Path) -> None:
    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    path.write_bytes(lowered.to_executorch().buffer)


if __name__ == "__main__":
    main(*sys.argv[1:])
