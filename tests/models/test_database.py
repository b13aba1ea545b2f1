"""Transactions of the workspace's database: all or nothing, and errors in words."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from models.database import reading, transaction
from models.errors import WorkspaceError
from models.store import Store

SCHEMA = "CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, number INTEGER NOT NULL);"


def number(store: Store) -> int:
    with reading(store, SCHEMA) as connection:
        return sum(row["number"] for row in connection.execute("SELECT number FROM counters"))


def test_what_fails_half_way_has_not_happened(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(KeyError), transaction(store, SCHEMA) as connection:
        connection.execute("INSERT INTO counters VALUES ('a', 1)")
        raise KeyError
    assert number(store) == 0


def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with transaction(store, SCHEMA) as connection:
        connection.execute("INSERT INTO counters VALUES ('a', 0)")

    def add(_: int) -> None:
        with transaction(store, SCHEMA) as connection:
            before = connection.execute("SELECT number FROM counters").fetchone()["number"]
            connection.execute("UPDATE counters SET number = ?", (before + 1,))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(24)))
    assert number(store) == 24


def test_a_damaged_database_is_said_to_be_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.database.write_bytes(b"this is no database, but it is long enough to look like one" * 20)
    with pytest.raises(WorkspaceError, match="not a database") as caught, transaction(store, SCHEMA):
        pass
    assert "remove the file" in caught.value.next_step


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError), reading(Store(tmp_path / "file" / "x"), SCHEMA):
        pass
