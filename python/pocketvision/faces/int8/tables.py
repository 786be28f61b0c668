"""The tables of galleries on a server: one that lists them, and one of templates for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..gallery.contents import Model

GALLERIES = "pocketvision_galleries"
"""The table that says of every gallery of a database which model made its templates."""

PLAIN = 1900
"""Most values of a template that stands in its line whole: a page has 8 kB."""


def named(text: str, gallery: str) -> Any:
    """``text`` with the names of a gallery's table and index, quoted; values are parameters."""
    from psycopg.sql import SQL, Identifier

    table = f"gallery_{gallery}"
    return SQL(text).format(table=Identifier(table), index=Identifier(f"{table}_hnsw"))


def told_of(run: Any, gallery: str) -> tuple[str, str, int] | None:
    """Name, source_sha256 and dimension of the model of a gallery; None where there is none."""
    if run("SELECT to_regclass(%s)", (GALLERIES,)).fetchone()[0] is None:
        return None
    found: tuple[str, str, int] | None = run(
        f"SELECT model, source_sha256, dimension FROM {GALLERIES} WHERE gallery = %s", (gallery,)
    ).fetchone()
    return found


def make(run: Any, gallery: str, model: Model) -> None:
    """The tables of a new gallery, and its line among the others."""
    run(
        f"CREATE TABLE IF NOT EXISTS {GALLERIES} (gallery text PRIMARY KEY, model text NOT NULL, "
        "source_sha256 text NOT NULL, dimension integer NOT NULL, "
        "next_row bigint NOT NULL DEFAULT 0, templates bigint NOT NULL DEFAULT 0)"
    )
    run(
        f"INSERT INTO {GALLERIES} (gallery, model, source_sha256, dimension) "
        "VALUES (%s, %s, %s, %s)",
        (gallery, model.name, model.source_sha256, model.dimension),
    )
    # Plain: a row of 512 values is then read where it lies, and not from a second table.
    storage = "PLAIN" if model.dimension <= PLAIN else "EXTERNAL"
    run(
        named(
            "CREATE TABLE {table} (row bigint PRIMARY KEY, name text, "
            f"template vector({model.dimension}) NOT NULL)",
            gallery,
        )
    )
    run(named(f"ALTER TABLE {{table}} ALTER COLUMN template SET STORAGE {storage}", gallery))
