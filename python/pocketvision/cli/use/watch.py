"""``pocketvision watch VIDEO``: who is in a video or before a camera, or what happens there."""

from __future__ import annotations

import argparse
from pathlib import Path

from ...errors import InputError
from ..common import Verbs, add_model_options, new_file, new_verb
from ..galleries import add_key_options

OF_FACES = (
    *("model", "calibration", "key_file", "keyring", "fpir", "threshold", "detector", "min_face"),
)
"""Options that say how faces are found and named."""


def add(verbs: Verbs) -> None:
    """Register the verb."""
    summary = "Name the faces of a video or camera, or tell what happens."
    parser = new_verb(verbs, "watch", run, summary, extra="video,image")
    parser.add_argument(
        "video", metavar="VIDEO", help="a file, a camera such as /dev/video0, a folder of frames"
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--gallery", type=Path, metavar="FILE", help="a gallery that enrol made: faces are named"
    )
    what.add_argument(
        "--actions", type=Path, metavar="MODELS",
        help="folder of a compiled encoder and decoder of clips: actions are told",
    )  # fmt: skip
    parser.add_argument("--save", type=new_file, metavar="MP4", help="the video with what was told")
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="tell every N-th answer; default 1"
    )
    faces = parser.add_argument_group("how faces are found and named, with --gallery")
    faces.add_argument(
        "--fpir", type=float, help="share of strangers who may be taken for somebody, default 0.01"
    )
    faces.add_argument(
        "--threshold", type=float, metavar="SCORE", help="accept from this cosine, at no known rate"
    )
    faces.add_argument(
        "--detector", metavar="FILE", help="what finds faces: a shipped or a compiled detector"
    )
    faces.add_argument(
        "--min-face", type=int, metavar="N",
        help="pixels of the smallest face; default a 24th of the shorter side, at least 24",
    )  # fmt: skip
    add_key_options(parser)
    add_model_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """A line an answer, with the frames a second that finding and naming alone reach."""
    if arguments.every < 1:
        raise InputError(f"--every: expected at least 1, got {arguments.every}")
    if arguments.actions is None:
        from ..watching.faces import watch_faces

        return watch_faces(arguments)
    for name in OF_FACES:
        if getattr(arguments, name) is not None:
            raise InputError(f"--{name.replace('_', '-')}: goes with --gallery, not --actions")
    from ..watching.actions import watch_actions  # no face's start pays for clips

    return watch_actions(arguments)
