"""embed_files: millions of files by Ray Data, one embedder an actor, into Parquet shards."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import InputError
from ...runtime.arrays import integer
from ...runtime.model import Model
from ...runtime.shipped import DEFAULT_DETECTOR, DEFAULT_MODEL, is_path
from ..embedder import Embedder
from ..find.detector import Detector
from .shards import Settings, Shard, missing, split
from .worker import Worker


class Done(NamedTuple):
    """What a run made, without what was there: ``shards``, ``files``, ``faces``; ``without``: files
    that have no embedding, which :func:`pocketvision.faces.bulk.shards.without` lists; ``kept``:
    shards of an earlier run."""

    shards: int
    files: int
    faces: int
    without: int
    kept: int


def embed_files(
    paths: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str] = DEFAULT_MODEL,
    detector: str | os.PathLike[str] = DEFAULT_DETECTOR,
    aligned: bool = False,
    min_face: int | None = None,
    shard_files: int = 4096,
    workers: int | None = None,
    address: str | None = None,
) -> Done:
    """Find and embed the faces of files; each ``shard_files`` of them make one Parquet file.

    Every file has a row for each face, or one that says why there is none: unreadable, no face.
    The bytes of a shard depend on its files, the models and the version of pyarrow alone. A run
    that was ended begins again with the shards that are missing: a shard is there whole or not at
    all. A file that has changed under its name since is not noticed.

    Args:
        paths: in the order that the rows will have; every machine sees them by these paths.
        out: a folder, made where it is missing, that every machine sees.
        model, detector: names of shipped models, or paths of files that every machine has.
        aligned: the files are crops of the model's size, and no face is looked for.
        min_face: pixels, as of ``Faces.find``.
        shard_files: files a shard; what a restart does again at most, for each worker.
        workers: actors of one core each; None: one for each core of the cluster.
        address: of a Ray cluster as ``ray.init`` takes it; None: this machine, or the cluster that
            the process has joined.

    Raises:
        InputError: no paths; ``out`` holds shards of other settings or of more files.
        ModuleNotFoundError: without ``pip install 'pocketvision[bulk]'``.
    """
    integer("shard_files", shard_files, "a positive integer", 1)
    if workers is not None:
        integer("workers", workers, "a positive integer or None", 1)
    if isinstance(paths, str | bytes | os.PathLike) or not len(paths):
        raise InputError("paths: expected a list of one or more files, such as sorted(glob(...))")
    ray = _ray()
    settings = _settings(model, None if aligned else detector, min_face)
    folder = Path(os.path.abspath(out))
    folder.mkdir(parents=True, exist_ok=True)
    shards = split(paths, shard_files)
    todo = missing(shards, folder, settings)
    done = Done(0, 0, 0, 0, len(shards) - len(todo))
    if not todo:
        return done
    with _cluster(ray, workers, address) as actors:
        for told in _told(ray, todo, settings, folder, min(actors, len(todo))):
            done = done._replace(
                shards=done.shards + 1,
                **{key: getattr(done, key) + told[key] for key in ("files", "faces", "without")},
            )
    return done


def _told(
    ray: Any, shards: list[Shard], settings: Settings, folder: Path, actors: int
) -> Iterator[dict[str, Any]]:
    """What the workers tell of each shard, as they end."""
    # JSON, as Arrow has no text for names that are not UTF-8. A block a shard, to spread them.
    items = [{"number": shard.number, "paths": json.dumps(shard.paths)} for shard in shards]
    work = ray.data.from_items(items, override_num_blocks=len(items))
    made = work.map(
        Worker,
        fn_constructor_args=(settings, str(folder)),
        compute=ray.data.ActorPoolStrategy(size=actors),
        num_cpus=1,
    )
    yield from made.iter_rows()


def _settings(model: Any, detector: Any, min_face: int | None) -> Settings:
    embedder = Embedder(model)
    seen: Model | None = None if detector is None else Detector(detector).model
    return Settings(
        _everywhere(model),
        embedder.model.source_sha256,
        None if detector is None else _everywhere(detector),
        None if seen is None else seen.source_sha256,
        min_face,
        embedder.dimension,
    )


def _everywhere(model: Any) -> str:
    """A path means the same in the folder where an actor runs."""
    return os.path.abspath(os.fspath(model)) if is_path(model) else str(model)


@contextmanager
def _cluster(ray: Any, workers: int | None, address: str | None) -> Iterator[int]:
    """Ray, started here unless it is there; gives the number of actors."""
    own = not ray.is_initialized()
    if own:
        cores = workers or len(os.sched_getaffinity(0))
        local: dict[str, Any] = {} if address else {"num_cpus": cores, "include_dashboard": False}
        ray.init(address=address, **local)
    try:
        yield workers or int(ray.cluster_resources().get("CPU", 1))
    finally:
        if own:
            ray.shutdown()


def _ray() -> Any:
    try:
        import pyarrow.parquet  # noqa: F401
        import ray.data
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"files in bulk need {error.name}. Type: pip install 'pocketvision[bulk]'",
            name=error.name,
        ) from None
    return ray
