"""Names of the shipped models, and which compiled file of one this processor shall run."""

from __future__ import annotations

import json
import os

from .. import __path__ as _package_folders
from .. import _runtime
from ..errors import InputError, shown
from ..record import Record

DEFAULT_MODEL = "pocketnet-s-128"
DEFAULT_DETECTOR = "facefinder-160"
LOW_RESOLUTION_MODEL = "face-lowres-125m"
"""The one for faces from far away, of which its record says how small they may be."""

TARGET_VARIABLE = "POCKETVISION_TARGET"
"""Environment variable that forces a target, for tests and comparisons."""


def host_targets() -> list[str]:
    """Targets that this processor can run, best first."""
    return _runtime.host_targets()


def normalise(name: str) -> str:
    """The record's spelling of a model name: lower case with dashes."""
    return name.strip().lower().replace("_", "-")


def shipped() -> dict[str, dict[str, str]]:
    """Installed compiled models: name to target to file."""
    found: dict[str, dict[str, str]] = {}
    # An editable install has two package folders: the sources and what the build put beside.
    for package in _package_folders:
        folder = os.path.join(package, "models")
        for file in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            name, _, target = file.removesuffix(".so").partition(".")
            if file.endswith(".so") and target:
                found.setdefault(name, {})[target] = os.path.join(folder, file)
    return found


def of_task(task: str) -> dict[str, dict[str, str]]:
    """Those of :func:`shipped` whose record, of any variant, names ``task``."""
    return {
        name: files
        for name, files in shipped().items()
        if json.loads(_runtime.Library(_runnable(files)).record).get("task") == task
    }


def _runnable(files: dict[str, str]) -> str:
    """The best file here; any where none runs, which says so when it is opened."""
    return next((files[t] for t in host_targets() if t in files), next(iter(files.values())))


def find(name: str, target: str | None = None) -> str:
    """The compiled file of a shipped model: for ``target`` or for the best that runs here.

    ``name``: alone, or the full name ``name.tag`` of the weights that it must have. Without
    ``target`` the environment variable POCKETVISION_TARGET decides, if it is set.
    Raises InputError that lists what there is.
    """
    models = shipped()
    _check_target(target)
    base, _, tag = name.strip().partition(".") if isinstance(name, str) else ("", "", "")
    files = models.get(normalise(base))
    if files is None:
        known = ", ".join(models) or "none (this installation was built without models)"
        raise InputError(
            f"model: no shipped model is named {shown(name)}; shipped: {known}. Give one of these "
            "names, or the path of a file that pocketvision compile wrote."
        )
    forced = target or os.environ.get(TARGET_VARIABLE)
    for candidate in [forced] if forced else host_targets():
        if candidate in files:
            if tag:
                _check_tag(name, tag, files[candidate])
            return files[candidate]
    asked = "target" if target or not forced else TARGET_VARIABLE
    raise InputError(
        f"{asked}: {normalise(base)} is not installed for {forced or os.uname().machine}; "
        f"installed: {', '.join(files)}. This processor runs: {', '.join(host_targets())}."
    )


def _check_tag(name: str, tag: str, file: str) -> None:
    record = Record.from_json(_runtime.Library(file).record)
    if tag.lower() != record.tag:
        raise InputError(
            f"model: {name!r} is not installed, but {record.full_name!r} is; embeddings of the two "
            "do not compare. Embed again with that, or install the version that brings the other."
        )


def _check_target(target: object) -> None:
    if target is not None and not isinstance(target, str):
        example = host_targets()[0]
        raise InputError(f"target: expected text such as {example!r}, got {shown(target)}")


def is_path(model: str | os.PathLike[str]) -> bool:
    """Whether ``model`` means a file, not a shipped model. Raises InputError for another type."""
    text = os.fspath(model) if isinstance(model, str | os.PathLike) else None
    if not isinstance(text, str) or not text or "\0" in text:
        raise InputError(
            f"model: expected the name of a shipped model or a path, got {shown(model)}"
        )
    return not isinstance(model, str) or os.sep in text or text.endswith((".so", ".onnx"))


def resolve(model: str | os.PathLike[str], target: str | None = None) -> str:
    """The compiled file that ``model`` means: a path as it is, else the name of a shipped model.

    ``build/own`` means the one of the files ``build/own.TARGET.so`` that fits this processor best,
    or ``target``, as it does for shipped models.
    """
    _check_target(target)
    if not is_path(model):
        return find(os.fspath(model), target)
    path = os.fspath(model)
    if not os.path.lexists(path):
        forced = target or os.environ.get(TARGET_VARIABLE)
        for candidate in [forced] if forced else host_targets():
            if os.path.isfile(f"{path}.{candidate}.so"):
                return f"{path}.{candidate}.so"
    return path
