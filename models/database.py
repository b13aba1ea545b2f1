"""The workspace's one SQLite file, opened for a moment at a time.

Every call has a connection of its own: connections must not be shared between threads, several servers
may use one workspace, and opening one takes a tenth of a millisecond.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from models.errors import WorkspaceError
from models.store import FOLDER_VARIABLE, Store

BUSY_SECONDS = 20.0


@contextmanager
def reading(store: Store, schema: str) -> Iterator[sqlite3.Connection]:
    """A connection to read from.

    Args:
        store: the workspace.
        schema: ``CREATE TABLE IF NOT EXISTS`` statements that must hold before.

    Yields:
        A connection whose rows can be read by column name.

    Raises:
        WorkspaceError: the database is locked for long, damaged, or cannot be read.
    """
    database = store.database
    try:
        with closing(sqlite3.connect(database, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            connection.executescript(schema)
            yield connection
    except sqlite3.Error as error:
        raise WorkspaceError(
            f"The database {database} cannot be used ({error}).",
            next_step="Free some space; if it is damaged, remove the file (the list of jobs and the notes "
            f"go with it), or point {FOLDER_VARIABLE} to another folder.",
        ) from error


@contextmanager
def transaction(store: Store, schema: str) -> Iterator[sqlite3.Connection]:
    """A connection within one writing transaction: all of it happens, or nothing.

    Args:
        store: the workspace.
        schema: as for ``reading``.

    Yields:
        A connection whose rows can be read by column name.

    Raises:
        WorkspaceError: the database is locked for long, damaged, or cannot be written.
    """
    with reading(store, schema) as connection:
        connection.execute("BEGIN IMMEDIATE")  # a lock that is taken later could fail half-way
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
