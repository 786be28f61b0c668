"""ServerGallery: the answers of Int8Gallery from PostgreSQL, transactions, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketvision import Embedder, InputError, Int8Gallery, RunError, faces
from pocketvision.faces.embeddings import embeddings
from pocketvision.faces.int8.server import ServerGallery
from pocketvision.faces.int8.templates import templates

from .postgres import with_pgvector

psycopg = pytest.importorskip("psycopg")
COUNT, SIZE, MODEL = 1500, 128, "pocketnet-s-128"
NUMBER = count()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with with_pgvector() as address:
        yield address


@pytest.fixture(scope="module")
def rows() -> Any:
    random = np.random.default_rng(1)
    people = random.normal(size=(COUNT // 5, 1, SIZE))
    found = people + 0.4 * random.normal(size=(COUNT // 5, 5, SIZE))
    return found.reshape(COUNT, SIZE).astype(np.float32)


@pytest.fixture
def fresh(server: str) -> Iterator[ServerGallery]:
    """A gallery of no rows."""
    with ServerGallery(server, f"fresh_{next(NUMBER)}", model=MODEL) as gallery:
        yield gallery


@pytest.fixture(scope="module")
def gallery(server: str, rows: Any) -> ServerGallery:
    made = ServerGallery(server, "people", model=MODEL)
    names = [f"Person {row}" for row in range(COUNT)]
    assert made.add(rows[:700], names[:700]) == range(700)
    assert made.add(templates(rows[700:]), names[700:]) == range(700, COUNT)
    return made


def test_the_answers_are_those_of_the_exact_search(gallery: ServerGallery, rows: Any) -> None:
    assert len(gallery) == COUNT and gallery.dimension == SIZE
    probes = rows[::50] + 0.3 * np.random.default_rng(2).normal(size=(30, SIZE))
    wanted = Int8Gallery(templates(rows)).search(probes, 7)
    found = gallery.search(probes, 7)
    assert np.array_equal(found[0], wanted[0]) and np.array_equal(found[1], wanted[1])
    one = gallery.search(probes[3], 7)
    assert np.array_equal(one[0], found[0][3]) and np.array_equal(one[1], found[1][3])
    assert gallery.name(one[0][0]) == f"Person {one[0][0]}"


def test_another_process_opens_it_by_its_name(gallery: ServerGallery, server: str) -> None:
    with ServerGallery(server, "people") as other:
        assert len(other) == COUNT and other.source_sha256 == gallery.source_sha256
        assert other.name(np.int64(3)) == "Person 3"
        other.close()
        assert other.name(4) == "Person 4"  # by a new connection


def test_an_index_finds_nearly_the_same(fresh: ServerGallery, rows: Any) -> None:
    fresh.add(rows)
    probes = rows[::15] + 0.2 * np.random.default_rng(3).normal(size=(100, SIZE))
    wanted, exact = fresh.search(probes, 5)
    with pytest.raises(InputError, match="memory: expected 1 or more MiB"):
        fresh.index(0)
    fresh.index(memory=64)
    fresh.index()
    found, scores = fresh.search(probes, 5)
    same = found == wanted
    assert same[:, 0].mean() >= 0.98 and same.mean() >= 0.95
    assert np.array_equal(scores[same], exact[same])
    everybody = fresh.search(probes[0], COUNT)[0]  # more than an index names
    assert sorted(everybody) == list(range(COUNT))


def test_equal_scores_stand_in_the_order_of_rows(fresh: ServerGallery) -> None:
    fresh.add(np.ones((60, SIZE), np.int8))
    assert fresh.search(np.ones(SIZE, np.int8), 5)[0].tolist() == [0, 1, 2, 3, 4]


def test_many_add_at_once(server: str, fresh: ServerGallery, rows: Any) -> None:
    def add(part: int) -> range:
        with ServerGallery(server, fresh.gallery, model=MODEL) as own:
            return own.add(rows[part * 50 : part * 50 + 50], [f"{part}"] * 50)

    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(add, range(8)))
    assert sorted(row for part in parts for row in part) == list(range(400)) and len(fresh) == 400
    for number, part in enumerate(parts):
        assert fresh.name(part[0]) == fresh.name(part[-1]) == f"{number}"
        assert fresh.search(rows[number * 50], 1)[0].tolist() == [part[0]]


def test_many_make_one_gallery_at_once(server: str) -> None:
    def make(_: int) -> int:
        with ServerGallery(server, "made_at_once", model=MODEL) as own:
            return len(own)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(make, range(8))) == [0] * 8


def test_names_are_no_sql(fresh: ServerGallery, rows: Any) -> None:
    names = ["'); DROP TABLE pocketvision_galleries; --", "%s {table}", "Ωμέγα\n\\N\t"]
    fresh.add(rows[:3], names)
    assert [fresh.name(row) for row in range(3)] == names


def test_an_addition_that_fails_leaves_nothing(
    fresh: ServerGallery, rows: Any, server: str
) -> None:
    fresh.add(rows[:2])
    with psycopg.connect(server, autocommit=True) as other:
        other.execute(
            f"ALTER TABLE gallery_{fresh.gallery} ADD CHECK (name IS DISTINCT FROM 'refused')"
        )
    with pytest.raises(psycopg.errors.CheckViolation):
        fresh.add(rows[2:5], ["a", "b", "refused"])
    assert len(fresh) == 2 and fresh.add(rows[2:3], ["a"]) == range(2, 3)


def test_removed_rows_are_gone_for_good(fresh: ServerGallery, rows: Any) -> None:
    fresh.add(rows[:6], list("abcdef"))
    assert fresh.remove([1, 4, 99]) == 2 and len(fresh) == 4
    assert sorted(fresh.search(rows[1], 4)[0]) == [0, 2, 3, 5]
    with pytest.raises(InputError, match="no such row"):
        fresh.name(1)
    assert fresh.add(rows[1]) == range(6, 7)
    with pytest.raises(InputError, match="without a name"):
        fresh.name(6)


def test_another_model(gallery: ServerGallery, server: str, rows: Any) -> None:
    other = Embedder("facechain-25m")
    with pytest.raises(InputError, match="holds templates of pocketnet-s-128.*facechain-25m"):
        ServerGallery(server, "people", model=other)
    theirs = embeddings(rows[:2], other.identity)
    with pytest.raises(InputError, match="do not compare"):
        gallery.search(theirs)
    with pytest.raises(InputError, match="do not compare"):
        gallery.add(theirs)
    assert len(gallery) == COUNT


def test_bad_arguments(gallery: ServerGallery, server: str, rows: Any) -> None:
    with pytest.raises(InputError, match="expected 128 values"):
        gallery.search(rows[0, :64])
    with pytest.raises(InputError, match=r"int8 \(128,\)"):
        gallery.add(np.ones((2, 64), np.int8))
    with pytest.raises(InputError, match="row 1 is all zeros"):
        gallery.add(np.stack([np.ones(SIZE, np.int8), np.zeros(SIZE, np.int8)]))
    with pytest.raises(InputError, match="names: expected 2"):
        gallery.add(rows[:2], ["one"])
    with pytest.raises(InputError, match="zero byte"):
        gallery.add(rows[:1], ["a\0b"])
    with pytest.raises(InputError, match="k: expected an integer from 1 to 1500"):
        gallery.search(rows[0], COUNT + 1)
    with pytest.raises(InputError, match="small letters"):
        ServerGallery(server, 'x"; DROP TABLE y', model=MODEL)
    with pytest.raises(InputError, match="no 'absent' in this database"):
        ServerGallery(server, "absent")
    assert len(gallery) == COUNT


def test_no_server(tmp_path: Any) -> None:
    with pytest.raises(ConnectionError, match="no connection to host=/.* dbname=faces") as told:
        ServerGallery(f"host={tmp_path} dbname=faces user=me password=hidden", model=MODEL)
    assert "hidden" not in str(told.value)
    with pytest.raises(InputError, match="address: expected 'host=db") as refused:
        ServerGallery("password=hidden of nobody", model=MODEL)
    assert "hidden" not in str(refused.value)


def test_the_page(server: str, rows: Any, capsys: Any) -> None:
    page = Path(faces.__file__).parent / "bulk" / "README.md"
    block = page.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    assert "host=db dbname=faces" in block
    given = {"embeddings": rows[:3], "names": ["Ada", "Grace", "Lise"]}
    exec(block.replace("host=db dbname=faces", server), given)
    assert capsys.readouterr().out.startswith("Ada 1.0")


def test_a_server_that_goes_away(fresh: ServerGallery, server: str, rows: Any) -> None:
    fresh.add(rows[:3])
    with psycopg.connect(server, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (fresh._connection.info.backend_pid,))
    with pytest.raises(ConnectionError, match="nothing of this call was kept"):
        fresh.add(rows[3:6])
    assert len(fresh) == 3  # by a new connection


def test_a_server_without_pgvector() -> None:
    with (
        with_pgvector(False) as address,
        pytest.raises(RunError, match=r"no pgvector .*postgresql-\d+-pgvector"),
    ):
        ServerGallery(address, model=MODEL)


def test_a_user_who_may_not_extend(server: str) -> None:
    with psycopg.connect(server, autocommit=True) as owner:
        owner.execute("CREATE ROLE guest LOGIN")
        owner.execute("CREATE DATABASE guarded")
    with pytest.raises(RunError, match="CREATE EXTENSION vector, in guarded"):
        ServerGallery(
            server.replace("user=tester", "user=guest").replace("postgres", "guarded"), model=MODEL
        )
