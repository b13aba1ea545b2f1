"""The tables of notes and decisions in the workspace's database."""

from __future__ import annotations

import sqlite3

from models.database import reading
from models.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS image_notes (
    content TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL, path TEXT NOT NULL, label TEXT NOT NULL,
    decision TEXT, corrected_label TEXT, tags TEXT NOT NULL, text TEXT NOT NULL,
    evaluation TEXT NOT NULL, changed REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS subject_notes (
    scope TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, tags TEXT NOT NULL, text TEXT NOT NULL,
    changed REAL NOT NULL, PRIMARY KEY (scope, kind, name)
);
CREATE TABLE IF NOT EXISTS note_changes (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL);
"""
COUNT_CHANGE = "INSERT INTO note_changes VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET number = number + 1"


def note_rows(store: Store, table: str, condition: str, *values: str) -> list[sqlite3.Row]:
    """Rows of a table, none where nothing was ever kept.

    Reading writes nothing, not even empty tables: it waits for no writer, and a workspace that cannot be
    written can still be read.

    Args:
        store: the workspace.
        table: one of the schema's.
        condition: of SQL, after ``SELECT * FROM table``.
        *values: for its question marks.

    Raises:
        WorkspaceError: the database is damaged or cannot be read.
    """
    if not store.database.is_file():
        return []
    with reading(store, "") as connection:
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        return connection.execute(f"SELECT * FROM {table} {condition}", values).fetchall() if known else []
