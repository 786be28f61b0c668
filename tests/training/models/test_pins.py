"""Every registered network computes what it computed when it was compared with published code.

A network may have the right names, shapes and counts and be wired wrongly all the same. ``pins.py``
says how the pinned values are made.
"""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pocketvision.training import models  # noqa: E402
from pocketvision.training.models import pocketnet  # noqa: E402

from . import pins  # noqa: E402

PINNED = json.loads(pins.PINS.read_text())
TOLERANCE = 2e-3
"""Of values whose mean square is 1: float32 differs from float64 by 1e-5, a rewired cell by 1."""

LARGE = (
    *("iresnet50", "iresnet100", "iresnet100_128", "iresnet100_256"),
    *("vtn_se_resnext101", "vtn_resnet50", "vtn_resnet34_flow", "vtn_resnet34_two_stream"),
)
"""Seconds each; smaller ones are built by the same code."""


def test_every_network_is_pinned() -> None:
    assert sorted(PINNED) == models.names(None)


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.full if n in LARGE else ()) for n in sorted(PINNED)],
)
def test_ten_values(name: str) -> None:
    entry = models.entry(name)
    found = pins.values(entry.make(), pins.shape(entry))
    np.testing.assert_allclose(found, PINNED[name], rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("edges", [(("dw3", 1), ("dw5", 0)), (("dw3", 2), ("dw5", 1))])
def test_a_cell_wired_to_other_sources_is_noticed(edges, monkeypatch) -> None:
    """The second node of the normal cell: names, shapes and counts stay as they were."""
    name = "pocketnet_s_128"
    before = {key: value.shape for key, value in models.create(name).state_dict().items()}
    normal = (pocketnet.CASIA.normal[0], edges, *pocketnet.CASIA.normal[2:])
    wrong = dataclasses.replace(pocketnet.CASIA, normal=normal)
    build = pocketnet.PocketNet
    monkeypatch.setattr(pocketnet, "PocketNet", lambda **options: build(genotype=wrong, **options))
    network = models.create(name)
    assert {key: value.shape for key, value in network.state_dict().items()} == before
    assert np.abs(pins.values(network, (3, 112, 112)) - PINNED[name]).max() > 50 * TOLERANCE
