"""Frame to identity: the example firmware names people, with the bytes that the host computes."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pocketvision import Embedder, verify
from pocketvision.compile import TARGETS, pipeline
from pocketvision.compile.emit import sources
from pocketvision.faces.gallery.firmware import FirmwareGallery, templates
from pocketvision.runtime.shipped import host_targets

from ..csrc.host import FORMATS, PARTS, PIXEL_BYTES
from .identify import NAME, answers, run
from .scenes import scene, write
from .test_shipped import optimised

CORES = ["cortex-m7", "cortex-m55"]
STRANGER = "astronaut"
ALL = "-DENROL_ALL=1"
"""Patches of 25 pixels, which is all that scikit-image brings of LFW, are not all good enough."""

Shipped = Callable[[str], Path]


SHIM = """
#include MODEL_H
#include <pocketvision/core.h>
#include <pocketvision/session.h>
pv_status pv_check(const pv_model *model) { return pv_model_check(model); }
"""


@pytest.fixture(scope="module")
def on_host(shipped: Shipped, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same example as a program of this machine, around the model compiled for it."""
    folder, firmware = tmp_path_factory.mktemp("host"), sources.firmware_directory()
    done = pipeline.compile_graph(optimised(NAME), TARGETS[host_targets()[0]], folder / "model.so")
    (folder / "host.h").write_text(
        f'#include "{shipped("cortex-m7")}/{NAME}.h"\n#undef FACECHAIN_25M_ARENA_BYTES\n'
        f"#define FACECHAIN_25M_ARENA_BYTES {done.plan.bytes}\n"
        "extern const pv_model pocketvision_model;\n"
    )
    (folder / "shim.c").write_text(SHIM)
    runtime = firmware.parent / "runtime"
    subprocess.run(
        ["cc", "-std=gnu11", "-O2", "-ffp-contract=fast", "-g", "-fsanitize=address,undefined",
         "-fno-sanitize-recover=all", '-DMODEL_H="host.h"', ALL,
         "-DMODEL=pocketvision_model", "-DRECIPE=facechain_25m_recipe", "-DPREFIX=FACECHAIN_25M",
         f"-I{folder}", f"-I{firmware}", f"-I{sources.include_directory()}", str(folder / "shim.c"),
         *(str(firmware / f"{part}.c") for part in ("identify", "facelist", "files")),
         *(str(runtime / f"{part}.c") for part in PARTS),
         str(sources.tools_directory() / "board_host.c"), str(done.path), "-o",
         str(folder / "identify")],
        check=True,
    )  # fmt: skip
    return folder / "identify"


@pytest.fixture(scope="module")
def people() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Picture and landmarks of a portrait and of LFW's patches, which scikit-image brings."""
    pytest.importorskip("skimage.data")
    from pocketvision.demo.faces import astronaut, patches

    faces = [astronaut(), *patches(6)]
    return {face.name.replace(" ", "-"): (face.picture, face.landmarks) for face in faces}


@pytest.fixture(scope="module")
def cases(people: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``faces.txt``: all but the stranger enrol, all come back otherwise."""
    folder, random = tmp_path_factory.mktemp("cases"), np.random.default_rng(11)
    enrolled, probes = [], []
    for index, (name, (picture, landmarks)) in enumerate(people.items()):
        forms = [list(FORMATS)[(index + step) % len(FORMATS)] for step in (0, 1)]
        if name != STRANGER:
            seen = scene(random, picture, landmarks, eyes=60, noise=2)
            enrolled.append(f"enrol {name} {write(folder, f'{name}.raw', seen, forms[0])}")
        seen = scene(random, picture, landmarks, eyes=45, noise=4)
        pad = 0 if PIXEL_BYTES[forms[1]] == 3 else 6  # which alone would exceed FRAME_BYTES
        probes.append(f"identify {write(folder, f'{name}.again', seen, forms[1], pad)}")
    lines = ["# people", *enrolled, "save saved.pvg", "", *probes]
    (folder / "faces.txt").write_text("\n".join(lines) + "\n")
    return folder


def transcript(said: str) -> list[str]:
    """What the program printed, without the last line's stack and arena."""
    lines = said[said.index("LFW-patch-0.raw: ") :].splitlines()
    last = next(index for index, line in enumerate(lines) if " enrolled, stack " in line)
    return [*lines[:last], lines[last].split(",")[0]]


@pytest.mark.parametrize("core", CORES)
def test_the_right_person_is_named_with_the_bytes_of_the_host(
    core: str, shipped: Shipped, on_host: Path, cases: Path, people: dict,
    capsys: pytest.CaptureFixture,
) -> None:  # fmt: skip
    folder = shipped(core)
    done = run(folder, core, cases, "LIST=faces.txt", f"OUT={folder}", f"DEFINES={ALL}")
    assert done.returncode == 0, done.stdout
    saved = (cases / "saved.pvg").read_bytes()
    found = answers(done.stdout)
    assert set(found) == set(people)
    for name, (answer, score, threshold) in found.items():
        assert threshold == round(Embedder(NAME).record.threshold_at(1e-3)["threshold"], 3)
        if name == STRANGER:
            assert answer.startswith("?") and score < 0.35
        else:
            assert answer == name and score > 0.8

    host = subprocess.run(
        [on_host, "faces.txt"], cwd=cases, capture_output=True, text=True, check=False
    )
    assert host.returncode == 0, host.stdout
    assert transcript(host.stdout) == transcript(done.stdout)
    assert (cases / "saved.pvg").read_bytes() == saved

    stack = re.search(r"6 enrolled, stack (\d+) of (\d+) bytes, arena (\d+)\n", done.stdout)
    assert stack and 100 < int(stack[1]) < int(stack[2]) - 512, done.stdout
    with capsys.disabled():
        print(f"\n{core}: {stack[0].strip()}; scores of those enrolled "
              f"{min(s for n, (_, s, _) in found.items() if n != STRANGER)} and more")  # fmt: skip


def test_the_saved_gallery_is_nearly_that_of_the_host_package(
    on_host: Path, cases: Path, people: dict
) -> None:
    """The package warps in floating point, and from RGB565's full colours."""
    subprocess.run([on_host, "faces.txt"], cwd=cases, capture_output=True, check=True)
    gallery = FirmwareGallery.from_bytes((cases / "saved.pvg").read_bytes())
    assert list(gallery.names) == [name for name in people if name != STRANGER]
    random, embedder = np.random.default_rng(11), Embedder(NAME)
    assert gallery.source_sha256 == embedder.model.source_sha256
    rows = {}
    for name, (picture, landmarks) in people.items():
        if name != STRANGER:
            seen = scene(random, picture, landmarks, eyes=60, noise=2)
            rows[name] = embedder.embed(seen.picture, seen.landmarks)[0]
        scene(random, picture, landmarks, eyes=45, noise=4)
    wanted = templates(np.stack(list(rows.values()))).astype(float)
    found = gallery.templates.astype(float)
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(wanted, axis=1)
    assert ((found * wanted).sum(axis=1) / lengths).min() > 0.98


def test_a_gallery_of_the_host_in_flash(
    shipped: Shipped, people: dict, cases: Path, tmp_path: Path
) -> None:
    """Searched in place, then copied to RAM by an enrolment, which makes the stranger known."""
    embedder = Embedder(NAME)
    known = {name: face for name, face in people.items() if name != STRANGER}
    rows = [embedder.embed(picture, points)[0] for picture, points in known.values()]
    gallery = FirmwareGallery(list(known), templates(np.stack(rows)), embedder.model.source_sha256)
    (cases / "people.pvg").write_bytes(gallery.to_bytes())
    probes = [line for line in (cases / "faces.txt").read_text().splitlines() if "again" in line]
    random = np.random.default_rng(12)
    seen = scene(random, *people[STRANGER], eyes=60, noise=2)
    enrol = f"enrol {STRANGER} {write(cases, 'late.raw', seen, 'rgb565be')}"
    (cases / "flash.txt").write_text("\n".join([*probes, enrol, probes[0]]))
    words = ("LIST=flash.txt", f"OUT={tmp_path}", "GALLERY=people.pvg")
    done = run(shipped("cortex-m7"), "cortex-m7", cases, *words, f"DEFINES={ALL}")
    assert done.returncode == 0, done.stdout
    first = answers(done.stdout.split("late.raw: enrolled as")[0])
    assert {name for name, (answer, _, _) in first.items() if answer == name} == set(known)
    assert first[STRANGER][0].startswith("?")
    assert answers(done.stdout.split("late.raw: enrolled as")[1])[STRANGER][0] == STRANGER
    assert "7 enrolled, stack" in done.stdout


def test_a_bad_face_is_not_enrolled_and_an_answer_is_marked(
    shipped: Shipped, people: dict, tmp_path: Path
) -> None:
    """Beside a good one; the good answer bears no mark."""
    picture, landmarks = people[STRANGER]
    random = np.random.default_rng(3)
    good = scene(random, picture, landmarks, eyes=60, noise=2)
    dark = replace(good, picture=(good.picture * 0.02).astype(np.uint8))
    steps = range(-8, 9)
    moved = [np.roll(good.picture, (y, x), (0, 1)) for y in steps for x in steps]
    soft = replace(good, picture=np.mean(moved, axis=0).astype(np.uint8))
    far = replace(good, landmarks=good.landmarks[[0, 1, 2, 4, 3]])
    lines = [
        f"enrol Eileen {write(tmp_path, 'good.raw', good, 'rgb888')}",
        f"enrol Dark {write(tmp_path, 'dark.raw', dark, 'rgb888')}",
        f"enrol Soft {write(tmp_path, 'soft.raw', soft, 'grey8')}",
        f"enrol Mixed {write(tmp_path, 'mixed.raw', far, 'rgb565be')}",
        f"identify {write(tmp_path, 'again.raw', good, 'rgb565le')}",
        f"identify {write(tmp_path, 'night.raw', dark, 'rgb888')}",
    ]
    (tmp_path / "faces.txt").write_text("\n".join(lines) + "\n")
    done = run(shipped("cortex-m7"), "cortex-m7", tmp_path, "LIST=faces.txt", "OUT=.")
    assert done.returncode == 0, done.stdout
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ".raw: " in line)
    assert said["good.raw"] == "enrolled as Eileen"
    assert re.match(r"not enrolled as Dark: quality \d+ of 100, too dark", said["dark.raw"])
    assert re.match(r"not enrolled as Soft: quality \d+ of 100, blurred", said["soft.raw"])
    assert "landmarks do not fit a face" in said["mixed.raw"]
    assert said["again.raw"].startswith("Eileen, score") and "reliable" not in said["again.raw"]
    assert re.search(r"; not reliable: quality \d+ of 100, too dark", said["night.raw"])
    assert "1 enrolled, stack" in done.stdout


def test_a_match_within_the_margin_is_marked(
    shipped: Shipped, people: dict, tmp_path: Path
) -> None:
    """Two tones, in which nothing is amiss but that strangers are alike; the host says the same."""
    good = scene(np.random.default_rng(3), *people[STRANGER], eyes=60, noise=2)
    tones = replace(good, picture=good.picture // 128 * 128)
    with Embedder(NAME) as embedder:
        faces = [
            embedder.embed(seen.picture, seen.landmarks, return_quality=True)
            for seen in (good, tones)
        ]
    (enrolled, _), (probe, qualities) = faces
    verdict = verify(probe[0], enrolled[0], model=NAME, far=1e-3)
    assert verdict.same and not qualities[0].reasons
    assert 0 < verdict.score - verdict.threshold < qualities[0].margin - 0.05
    lines = [
        f"enrol Eileen {write(tmp_path, 'good.raw', good, 'rgb888')}",
        f"identify {write(tmp_path, 'tones.raw', tones, 'rgb888')}",
        f"identify {write(tmp_path, 'again.raw', good, 'rgb888')}",
    ]
    (tmp_path / "faces.txt").write_text("\n".join(lines) + "\n")
    done = run(shipped("cortex-m7"), "cortex-m7", tmp_path, "LIST=faces.txt", "OUT=.")
    assert done.returncode == 0, done.stdout
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ".raw: " in line)
    assert said["tones.raw"].startswith("Eileen, score ") and " >= threshold " in said["tones.raw"]
    assert said["tones.raw"].endswith("; not reliable: strangers in such pictures come as near")
    assert (
        said["again.raw"].startswith("Eileen, score 1.000") and "reliable" not in said["again.raw"]
    )


BAD_LINE = "not of a form that facelist.h describes"
BAD = {
    "identify absent.raw grey8 8 8 8 1 1 2 1 1.5 2 1 3 2 3": "list, absent.raw: the file cannot",
    "identify four.raw grey8 8 8 8 1 1 2 1 1.5 2 1 3 2 3": "the frame's format, sides, stride",
    "identify four.raw grey8 2 2 2 1 1 1 1 1 1 1 1 1 1": "the points coincide or lie on one line",
    "identify four.raw grey9 2 2 2 1 1 2 1 1.5 2 1 3 2 3": BAD_LINE,
    "identify four.raw grey8 2 2 2 1 1 2 1 1.5 2 1 3 2": BAD_LINE,
    "identify four.raw grey8 2 2 2 1 1 2 1 1.5 2 1 3 2 3x": BAD_LINE,
    "identify four.raw grey8 2 2 2 1 1 2 1 1.5 2 1 3 2 3 4": BAD_LINE,
    "identify four.raw grey8 0 2 2 1 1 2 1 1.5 2 1 3 2 3": BAD_LINE,
    "paint four.raw": f"four.raw: {BAD_LINE}",
    "forget": f"without a file: {BAD_LINE}",
    "forget one two": f"one: {BAD_LINE}",
    "forget Nobody": "Nobody: nobody has this name",
    f"forget {'x' * 32}": "longer than 31 bytes",
    "replace Nobody four.raw grey8 2 2 2 0 0 1 0 .5 .5 0 1 1 1": "nobody has this name",
    "save": f"without a file: {BAD_LINE}",
    f"enrol {'x' * 32} four.raw grey8 2 2 2 0 0 1 0 .5 .5 0 1 1 1": "longer than 31 bytes",
    "save no/such/folder": "the file cannot be written",
    "identify four.raw rgb565be 640 480 1280 1 1 2 1 1.5 2 1 3 2 3": "larger than FRAME_BYTES",
}


@pytest.mark.parametrize("line", BAD)
def test_a_bad_list_is_said(line: str, on_host: Path, tmp_path: Path) -> None:
    (tmp_path / "four.raw").write_bytes(bytes([10, 60, 200, 90]))
    (tmp_path / "faces.txt").write_text(line + "\n")
    done = subprocess.run(
        [on_host, "faces.txt"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and BAD[line] in done.stdout, done.stdout


def test_a_list_of_windows_with_tabs_is_read(on_host: Path, tmp_path: Path) -> None:
    (tmp_path / "four.raw").write_bytes(bytes([10, 60, 200, 90]))
    line = "four.raw grey8 2 2 2 0 0 1 0 .5 .5 0 1 1 1"
    text = f"enrol somebody {line}\r\nidentify\t{line}\t\r\n\r\nsave one.pvg\r\n"
    (tmp_path / "faces.txt").write_bytes(text.encode())
    done = subprocess.run(
        [on_host, "faces.txt"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "four.raw: somebody, score 1.000" in done.stdout
    assert list(FirmwareGallery.from_bytes((tmp_path / "one.pvg").read_bytes()).names) == [
        "somebody"
    ]


def test_people_are_replaced_and_forgotten(on_host: Path, tmp_path: Path) -> None:
    (tmp_path / "four.raw").write_bytes(bytes([10, 60, 200, 90]))
    (tmp_path / "other.raw").write_bytes(bytes([200, 10, 10, 250]))
    where = "grey8 2 2 2 0 0 1 0 .5 .5 0 1 1 1"
    text = [
        *(f"enrol {name} four.raw {where}" for name in ("Ada", "Grace", "Ada", "Lise")),
        "save before.pvg", f"replace Ada other.raw {where}", "save replaced.pvg",
        "forget Grace", "save forgotten.pvg", f"enrol Grace other.raw {where}",
    ]  # fmt: skip
    (tmp_path / "faces.txt").write_text("\n".join(text))
    done = subprocess.run(
        [on_host, "faces.txt"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "other.raw: enrolled as Ada, entries that went: 2\n" in done.stdout
    assert "\nGrace: forgotten, entries that went: 1\n" in done.stdout
    before, replaced, forgotten = (
        FirmwareGallery.from_bytes((tmp_path / f"{name}.pvg").read_bytes())
        for name in ("before", "replaced", "forgotten")
    )
    assert before.names == ["Ada", "Grace", "Ada", "Lise"]
    assert (before.templates == before.templates[0]).all()
    assert replaced.to_bytes() == before.replaced("Ada", replaced.templates[2]).to_bytes()
    assert (replaced.templates[2] != before.templates[0]).any()
    assert forgotten.to_bytes() == replaced.without("Grace").to_bytes()


def test_an_absent_list_is_named(on_host: Path, tmp_path: Path) -> None:
    for words, said in (["absent.txt"], "absent.txt: the file cannot be read"), ([], "first arg"):
        done = subprocess.run(
            [on_host, *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1 and said in done.stdout


def test_make_without_a_list_says_so(shipped: Shipped, tmp_path: Path) -> None:
    done = run(shipped("cortex-m7"), "cortex-m7", tmp_path)
    assert done.returncode == 2 and "EXAMPLE=identify needs LIST=FILE" in done.stdout


def test_a_gallery_of_another_model_is_refused(
    shipped: Shipped, cases: Path, tmp_path: Path
) -> None:
    other = FirmwareGallery(["somebody"], np.ones((1, 128), np.int8), "0f" * 32)
    (tmp_path / "other.pvg").write_bytes(other.to_bytes())
    (tmp_path / "faces.txt").write_text("\n")
    words = ("LIST=faces.txt", "OUT=.")
    done = run(shipped("cortex-m7"), "cortex-m7", tmp_path, *words)
    assert done.returncode == 0 and "0 enrolled" in done.stdout
    # The image is now younger than the gallery, and yet made anew.
    done = run(shipped("cortex-m7"), "cortex-m7", tmp_path, "GALLERY=other.pvg", *words)
    assert done.returncode == 2
    assert "the gallery in flash: the gallery's templates are of another model" in done.stdout
