"""VTN: frames through a 2-D encoder, a window of their vectors through a small transformer.

Paper
-----
A. Kozlov, V. Andronov, Y. Gritsenko, "Lightweight Network Architecture for Real-Time Action
Recognition", 2019, arXiv 1905.08711.

Input: float32 (N, 16, C, H, W), pixels scaled by :meth:`VTN.scale`; C is 3 (RGB), or 5 where the
optical flow of each frame is given too. Output: float32 logits (N, classes).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ..registry import register, register_family
from .decoder import Decoder
from .encoders import ENCODERS

FAMILY, PAPER, TASK = "vtn", "arXiv:1905.08711", "clips"
RGB, FLOW = 3, 2
"""Channels of a frame, and of its optical flow, which stand after them."""

FLOW_PIXEL = 127.5
"""Mean and deviation of flow pixels 0 to 255, whose middle is no motion."""


def _rgb(clips: Tensor) -> Tensor:
    return clips[:, :, :RGB]


def _difference(clips: Tensor) -> Tensor:
    frames = _rgb(clips)
    return frames[:, 1:] - frames[:, :-1]


def _flow(clips: Tensor) -> Tensor:
    return clips[:, :, RGB : RGB + FLOW]


MODALITIES: dict[str, tuple[Callable[[Tensor], Tensor], int, int]] = {
    "rgb": (_rgb, RGB, 0),
    "difference": (_difference, RGB, 1),
    "flow": (_flow, FLOW, 0),
}
"""What a stream sees of a scaled clip: how, its channels, and how many steps it loses."""


class VTN(nn.Module):
    """One stream: encoder, mean over the map, 1x1 to the decoder's width where it differs, decoder.

    Args:
        encoder: one of ``ENCODERS``.
        classes: of the output.
        frames: of a clip.
        modality: one of ``MODALITIES``.
        width, blocks, heads, inner: of the decoder.

    ``frames``: of a window; ``channels``: that a clip must have at least.
    """

    def __init__(
        self,
        encoder: str,
        classes: int,
        frames: int = 16,
        modality: str = "rgb",
        width: int = 512,
        blocks: int = 4,
        heads: int = 8,
        inner: int = 1024,
    ):
        super().__init__()
        if encoder not in ENCODERS:
            raise ValueError(f"encoder: expected one of {', '.join(ENCODERS)}, got {encoder!r}")
        if modality not in MODALITIES:
            raise ValueError(
                f"modality: expected one of {', '.join(MODALITIES)}, or two of them as "
                f"rgb+difference, got {modality!r}"
            )
        self.view, own, lost = MODALITIES[modality]
        self.frames, self.channels = frames, RGB + FLOW if modality == "flow" else RGB
        self.encoder = ENCODERS[encoder].make(own)
        self.mean, self.std = ENCODERS[encoder].mean, ENCODERS[encoder].std
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(self.encoder.width, width, 1)
        if self.encoder.width == width:
            self.reduce = nn.Identity()  # type: ignore[assignment]
        self.decoder = Decoder(classes, frames - lost, width, blocks, heads, inner)

    def scale(self, clips: Tensor) -> Tensor:
        """Pixels 0 to 255, (N, T, C, H, W), as float32 inputs of the network."""
        return scale(clips, self.mean, self.std)

    def encode(self, frames: Tensor) -> Tensor:
        """A vector (N, width) of each frame (N, C, H, W) of the stream's own modality."""
        return self.reduce(self.pool(self.encoder(frames))).flatten(1)

    def forward(self, clips: Tensor) -> Tensor:
        seen = self.view(clips)
        rows = self.encode(seen.flatten(0, 1))
        return self.decoder(rows.reshape(*seen.shape[:2], -1))


class FrameEncoder(nn.Module):
    """Of a stream the part that a live system runs once a frame: (N, C, H, W) to (N, width)."""

    def __init__(self, stream: VTN):
        super().__init__()
        self.stages = nn.Sequential(stream.encoder, stream.pool, stream.reduce, nn.Flatten())

    def forward(self, frames: Tensor) -> Tensor:
        return self.stages(frames)


def scale(clips: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """Pixels 0 to 255, (N, T, C, H, W), less ``mean`` and over ``std``; flow by its own."""
    more = clips.shape[2] - len(mean)
    means, stds = (
        torch.tensor([*rgb] + [FLOW_PIXEL] * more, device=clips.device).view(1, 1, -1, 1, 1)
        for rgb in (mean, std)
    )
    return (clips.float() - means) / stds


class TwoStream(nn.Module):
    """The mean of the logits of several streams that see one clip in other ways."""

    def __init__(self, streams: list[VTN]):
        super().__init__()
        self.streams = nn.ModuleList(streams)
        self.frames, self.channels = streams[0].frames, max(s.channels for s in streams)
        self.mean, self.std = streams[0].mean, streams[0].std

    def scale(self, clips: Tensor) -> Tensor:
        """Pixels 0 to 255, (N, T, C, H, W), as float32 inputs of the network."""
        return scale(clips, self.mean, self.std)

    def forward(self, clips: Tensor) -> Tensor:
        return torch.stack([stream(clips) for stream in self.streams]).mean(0)


@register_family(FAMILY, paper=PAPER, task=TASK)
def vtn(
    *,
    encoder: str,
    embedding: int,
    size: int,
    frames: int = 16,
    modality: str = "rgb",
    width: int = 512,
    blocks: int = 4,
    heads: int = 8,
    inner: int = 1024,
) -> VTN | TwoStream:
    """A network of any encoder; ``modality`` may be two joined by a plus sign. ``size`` is the one
    it is trained at; maps are averaged, so that any other passes too."""
    streams = [
        VTN(encoder, embedding, frames, one, width, blocks, heads, inner)
        for one in modality.split("+")
    ]
    return streams[0] if len(streams) == 1 else TwoStream(streams)


# ---------------------------------------------------------------------- configurations and entries

KINETICS = 400
SMALL = {"width": 128, "blocks": 2, "heads": 4, "inner": 256}
"""A decoder whose ring of 16 vectors is 2 KB in int8."""


def _register(name: str, size: int = 224, **arguments: Any) -> None:
    architecture = {"family": FAMILY, "embedding": KINETICS, "size": size, "frames": 16}
    register(
        name, paper=PAPER, embedding=KINETICS, input_size=size, task=TASK,
        architecture=architecture | arguments,
    )(lambda: vtn(embedding=KINETICS, size=size, **arguments))  # fmt: skip


for _encoder in ("resnet18", "resnet34", "resnet50", "mobilenet_v2", "se_resnext101"):
    _register(f"vtn_{_encoder}", encoder=_encoder)
_register("vtn_resnet34_difference", encoder="resnet34", modality="difference")
_register("vtn_resnet34_flow", encoder="resnet34", modality="flow")
_register("vtn_resnet34_two_stream", encoder="resnet34", modality="rgb+difference")
_register("vtn_small", 112, encoder="chain_25m", **SMALL)
_register("vtn_small_difference", 112, encoder="chain_25m", modality="difference", **SMALL)
_register("vtn_small_two_stream", 112, encoder="chain_25m", modality="rgb+difference", **SMALL)
