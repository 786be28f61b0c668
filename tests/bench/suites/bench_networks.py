"""pytest-benchmark: one face through float torch, onnxruntime float and int8, and ours.

Collected with --benchmark-only; see tests/bench/README.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pocketvision import Embedder
from pocketvision.bench.measure import pinned
from pocketvision.runtime.shipped import DEFAULT_MODEL

from ..peers.candidate import Bound, Example, Sources
from ..peers.networks.examples import examples
from ..peers.networks.sources import float_record, prepare
from ..peers.runtimes import ours, peer_onnxruntime, peer_torch


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder(DEFAULT_MODEL)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    return prepare(DEFAULT_MODEL, Path(tmp_path_factory.mktemp("sources")))


@pytest.fixture(scope="module")
def float_face(embedder: Embedder) -> Example:
    return examples(float_record(embedder.record))[0]


@pytest.fixture(scope="module")
def int8_face(embedder: Embedder) -> Example:
    return examples(embedder.record)[0]


@pytest.fixture(autouse=True)
def one_core() -> Iterator[None]:
    with pinned():
        yield


def timed(benchmark, bound: Bound) -> None:
    benchmark(bound.run)
    assert bound.read().ndim == 1


@pytest.mark.benchmark(group="network")
def test_ours_int8(benchmark, embedder: Embedder, int8_face: Example) -> None:
    timed(benchmark, ours.candidate(embedder).load()(int8_face))


@pytest.mark.benchmark(group="network")
def test_onnxruntime_int8(benchmark, sources: Sources, int8_face: Example) -> None:
    timed(benchmark, peer_onnxruntime.load(sources.int8s[0][1])(int8_face))


@pytest.mark.benchmark(group="network")
def test_onnxruntime_float32(benchmark, sources: Sources, float_face: Example) -> None:
    timed(benchmark, peer_onnxruntime.load(sources.floats[-1][1])(float_face))


@pytest.mark.benchmark(group="network")
def test_torch_float32(benchmark, sources: Sources, float_face: Example) -> None:
    timed(benchmark, peer_torch.load(sources, channels_last=False)(float_face))
