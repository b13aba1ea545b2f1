"""What people decided and wrote down about images, cells and classes.

An image is known by its content (``models.content``): what was said about it holds for the next version of
the model, and wherever the file is moved. Cells and classes are known by their names within one list of
class names.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from models.content import content_hash
from models.database import transaction
from models.errors import WorkspaceError
from models.fingerprints import file_state, name_of
from models.note_tables import COUNT_CHANGE, SCHEMA, note_rows
from models.store import Store

Decision = Literal["model", "label", "image", "ambiguous"]
"""Whose fault a mistake is: the model's (the label is right), the label's, a bad image's, or nobody's."""
SubjectKind = Literal["cell", "class", "pair"]
DECISIONS: tuple[Decision, ...] = get_args(Decision)


@dataclass(frozen=True)
class ImageNote:
    """What is known about one image.

    Args:
        content: the MD5 of the file, 32 hex digits.
        size_bytes: of the file.
        path: where it lay when something was last said about it; absolute.
        label: its label when it was decided; without a decision, when something was last written.
        decision: whose fault it is; None where nothing was decided.
        corrected_label: with decision "label", the name of the right class; None where it is not known.
        tags: in the order they were given.
        text: the note; "" where there is none.
        evaluation: the fingerprint of the evaluation that was open.
        changed: when, in seconds since 1970.
    """

    content: str
    size_bytes: int
    path: str
    label: str
    decision: Decision | None = None
    corrected_label: str | None = None
    tags: tuple[str, ...] = ()
    text: str = ""
    evaluation: str = ""
    changed: float = 0.0

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing any more."""
        return not (self.decision or self.tags or self.text)


@dataclass(frozen=True)
class SubjectNote:
    """What was written about a cell, a class or a pair of classes.

    Args:
        kind: what it is about.
        name: ``analysis.cell_name.cell_name`` of a cell or pair, the name of a class.
        tags: in the order they were given.
        text: the note.
        changed: when, in seconds since 1970.
    """

    kind: SubjectKind
    name: str
    tags: tuple[str, ...] = ()
    text: str = ""
    changed: float = 0.0


def image_note(store: Store, path: Path) -> ImageNote | None:
    """What is known about the image in a file, whatever its name.

    Raises:
        ImagesError: the file cannot be read.
    """
    rows = note_rows(store, "image_notes", "WHERE content = ?", content_hash(path))
    return _image_note(rows[0]) if rows else None


def image_notes(store: Store) -> list[ImageNote]:
    """All that is known about images, the last changed first."""
    return [_image_note(row) for row in note_rows(store, "image_notes", "ORDER BY changed DESC, content")]


def decide(
    store: Store,
    path: Path,
    *,
    label: str,
    decision: Decision | None,
    corrected_label: str | None = None,
    evaluation: str = "",
) -> ImageNote:
    """Keep whose fault a mistake is; tags and text of the image stay.

    Args:
        store: the workspace.
        path: the image's file.
        label: its label now.
        decision: None takes a decision back.
        corrected_label: the right class, with decision "label" only; None where it is not known.
        evaluation: the fingerprint of the evaluation that is open.

    Returns:
        The note as it is now.

    Raises:
        ImagesError: the file cannot be read, so its content is not known.
        WorkspaceError: the workspace cannot be written.
        ValueError: there is no such decision, or a corrected label with another decision than "label".
    """
    if decision is not None and decision not in DECISIONS:
        raise ValueError(f"no decision {decision!r}")
    if corrected_label is not None and decision != "label":
        raise ValueError("only a wrong label has a corrected one")
    changes = {"decision": decision, "corrected_label": corrected_label, "label": label}
    return _changed(store, path, label, evaluation, changes)


def write_image_note(
    store: Store, path: Path, *, label: str, tags: Sequence[str], text: str, evaluation: str = ""
) -> ImageNote:
    """Keep tags and text of an image; its decision stays.

    Args:
        store: the workspace.
        path: the image's file.
        label: its label now.
        tags: replace the former ones; blanks around them, repeated and empty ones are dropped.
        text: replaces the former one; "" removes it.
        evaluation: the fingerprint of the evaluation that is open.

    Returns:
        The note as it is now.

    Raises:
        ImagesError: the file cannot be read, so its content is not known.
        WorkspaceError: the workspace cannot be written.
    """
    changes = {"tags": json.dumps(cleaned_tags(tags), ensure_ascii=False), "text": text.strip()}
    return _changed(store, path, label, evaluation, changes)


def subject_notes(store: Store, class_names: Sequence[str]) -> list[SubjectNote]:
    """What was written about cells, classes and pairs of these class names, the last changed first."""
    rows = note_rows(
        store, "subject_notes", "WHERE scope = ? ORDER BY changed DESC, kind, name", _scope(class_names)
    )
    return [
        SubjectNote(row["kind"], row["name"], tuple(json.loads(row["tags"])), row["text"], row["changed"])
        for row in rows
    ]


def subject_note(store: Store, class_names: Sequence[str], kind: SubjectKind, name: str) -> SubjectNote:
    """What was written about one cell, class or pair; an empty note where nothing was."""
    found = (note for note in subject_notes(store, class_names) if (note.kind, note.name) == (kind, name))
    return next(found, SubjectNote(kind, name))


def write_subject_note(
    store: Store,
    class_names: Sequence[str],
    kind: SubjectKind,
    name: str,
    *,
    tags: Sequence[str],
    text: str,
) -> None:
    """Keep tags and text of a cell, a class or a pair; without either, what was kept is removed.

    Args:
        store: the workspace.
        class_names: the classes among which the name is one; in any order.
        kind: what it is about.
        name: as in `SubjectNote`.
        tags: replace the former ones.
        text: replaces the former one.

    Raises:
        WorkspaceError: the workspace cannot be written.
    """
    scope, kept = _scope(class_names), cleaned_tags(tags)
    with transaction(store, SCHEMA) as connection:
        connection.execute(
            "INSERT OR REPLACE INTO subject_notes VALUES (?, ?, ?, ?, ?, ?)",
            (scope, kind, name, json.dumps(kept, ensure_ascii=False), text.strip(), time.time()),
        )
        connection.execute("DELETE FROM subject_notes WHERE tags = '[]' AND text = ''")
        connection.execute(COUNT_CHANGE)


def notes_revision(store: Store) -> int:
    """A number that changes with every change of any note; a key for caches."""
    rows = note_rows(store, "note_changes", "")
    return int(rows[0]["number"]) if rows else 0


def cleaned_tags(tags: Sequence[str]) -> list[str]:
    """The tags without blanks around them, each once.

    >>> cleaned_tags([" blurred", "crop", "blurred ", ""])
    ['blurred', 'crop']
    """
    return list(dict.fromkeys(stripped for tag in tags if (stripped := tag.strip())))


def plain_path(path: Path | str) -> str:
    """An absolute path as the database keeps it: bytes that are no Unicode are written out."""
    return str(Path(path).absolute()).encode("utf-8", "backslashreplace").decode()


def _changed(
    store: Store, path: Path, label: str, evaluation: str, changes: Mapping[str, str | None]
) -> ImageNote:
    content = content_hash(path)
    changes = {"path": plain_path(path), "evaluation": evaluation, **changes}
    with transaction(store, SCHEMA) as connection:
        connection.execute(
            "INSERT OR IGNORE INTO image_notes VALUES (?, ?, '', '', NULL, NULL, '[]', '', '', 0)",
            (content, file_state(path)[0]),
        )
        assignments = "".join(f", {column} = ?" for column in changes)
        connection.execute(
            # A decision was made about the label of its time, which a later tag leaves alone; where ``label``
            # is among the changes, it comes last and SQLite takes that one.
            "UPDATE image_notes SET label = CASE WHEN decision IS NULL THEN ? ELSE label END, changed = ?"
            f"{assignments} WHERE content = ?",
            (label, time.time(), *changes.values(), content),
        )
        row = connection.execute("SELECT * FROM image_notes WHERE content = ?", (content,)).fetchone()
        note = _image_note(row)
        if note.is_empty:
            connection.execute("DELETE FROM image_notes WHERE content = ?", (content,))
        connection.execute(COUNT_CHANGE)
    return note


def _image_note(row: sqlite3.Row) -> ImageNote:
    try:
        return ImageNote(**{**dict(row), "tags": tuple(json.loads(row["tags"]))})
    except (TypeError, ValueError) as error:
        raise WorkspaceError(
            f"A note in the workspace's database is damaged ({error}).",
            next_step="Restore errorscope.sqlite, or remove it; notes and decisions go with it.",
        ) from error


def _scope(class_names: Sequence[str]) -> str:
    """The same for the next version of a model that knows the same classes, in any order."""
    return name_of(sorted(class_names))
