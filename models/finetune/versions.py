"""The networks that trainings and compressions made, kept in the workspace: ``versions/<id>/``. Needs no torch until one is saved.

A version appears at once and whole: it is written into a folder that nobody looks at and then renamed. What a killed
process left of such a folder is cleared away when the next version is saved or deleted.
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

from models.errors import VersionError
from models.file_lock import FileLock
from models.finetune.spec import FinetuneSpec
from models.finetune.version_record import ONNX_WEIGHTS, RECORD, WEIGHTS, Version
from models.finetune.whole_folders import appearing, clear_unfinished, remove_at_once
from models.job_list import JobList
from models.libraries import library_versions
from models.store import Store, write_atomically, write_json

FOLDER = "versions"
_MOST_LETTERS = 200
_SECONDS_TO_WAIT = 10.0


def save_version(
    store: Store,
    content: Mapping[str, Any] | Path,
    *,
    spec: FinetuneSpec,
    architecture: str,
    class_names: Sequence[str],
    metrics: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]] = (),
    data: Mapping[str, Any] | None = None,
    job: str = "",
    evaluation: str = "",
) -> Version:
    """Keep a network. Whoever stops this in the middle leaves nothing that anybody would take for a version.

    Args:
        store: the workspace.
        content: what its file of weights is to hold (`models.own_networks.checkpoint_content`): tensors and plain data;
            or the ONNX file itself, which is copied.
        spec: what it was trained with; its name, parent and what it is the control of are taken from there.
        architecture: torchvision's name, "small_cnn", or "onnx".
        class_names: C names, in the order of the logits.
        metrics: as in `Version`; of numbers that are none (NaN) None is kept.
        history: as in `Version`.
        data: as in `Version`.
        job: id of the job that made it, which becomes the id of the version; "" draws one.
        evaluation: fingerprint of its saved evaluation; `amend_version` can say it later.

    Returns:
        The version; the one that the job saved before, if it did: a job has one.

    Raises:
        WorkspaceError: the workspace cannot be written.
    """
    id = job or f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
    folder = store.folder(FOLDER) / id
    if (folder / RECORD).exists():
        return version(store, id)
    new = Version(
        id=id,
        name=spec.name.strip()[:_MOST_LETTERS] or id,
        created=time.time(),
        folder=folder,
        architecture=architecture,
        class_names=tuple(class_names),
        spec=spec.to_json(),
        job=job,
        parent=spec.parent,
        control_of=spec.control_of,
        metrics=_plain(metrics),
        history=tuple(map(_plain, history)),
        data=_plain(data or {}),
        libraries=library_versions(),
        evaluation=evaluation,
    )
    clear_unfinished(folder.parent)
    _write(new, content)
    return new


def _plain(value: Any) -> Any:
    """Plain data as JSON has it: a loss that is no number becomes None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _write(new: Version, content: Mapping[str, Any] | Path) -> None:
    with appearing(new.folder) as folder:
        file = folder / new.checkpoint.name
        if isinstance(content, Path):
            write_atomically(file, lambda path: shutil.copyfile(content, path))
        else:
            write_atomically(file, lambda path: _save_weights(path, content))
        write_json(folder / RECORD, new.to_json())


def _save_weights(path: Path, content: Mapping[str, Any]) -> None:
    import torch

    with path.open("wb") as file:  # so that a full disk is an OSError: torch's own file raises a RuntimeError
        torch.save(dict(content), file)


def versions(store: Store) -> list[Version]:
    """All versions that can be read, the newest first."""
    return _all(store)[0]


def unreadable_versions(store: Store) -> list[VersionError]:
    """What is wrong with the others."""
    return _all(store)[1]


def _all(store: Store) -> tuple[list[Version], list[VersionError]]:
    found: list[Version] = []
    problems: list[VersionError] = []
    for record in (store.root / FOLDER).glob(f"[!.]*/{RECORD}"):
        try:
            found.append(_read(record.parent))
        except VersionError as error:
            if record.exists():  # else it was deleted in this moment
                problems.append(error)
    return sorted(found, key=lambda each: (each.created, each.id), reverse=True), problems


def version(store: Store, id: str) -> Version:
    """One version.

    Args:
        store: the workspace.
        id: of the version; may come from anywhere.

    Raises:
        VersionError: there is none, or its record cannot be read.
    """
    folders = (store.root / FOLDER).glob(f"[!.]*/{RECORD}")
    folder = next((record.parent for record in folders if record.parent.name == id), None)
    if folder is None:
        raise VersionError(
            f'There is no version "{id[:_MOST_LETTERS]}" in this workspace.',
            next_step="It may have been deleted; choose another.",
        )
    return _read(folder)


def version_at(store: Store, checkpoint: str) -> Version | None:
    """The version whose weights a file is, or None.

    Args:
        store: the workspace.
        checkpoint: absolute path of a file of weights, or "".
    """
    path = Path(checkpoint)
    if path.name not in (WEIGHTS, ONNX_WEIGHTS) or path.parent.parent != store.root / FOLDER:
        return None
    try:
        return version(store, path.parent.name)
    except VersionError:
        return None


def _read(folder: Path) -> Version:
    try:
        value = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise VersionError(
            f"The record of the version in {folder} cannot be read ({error}).",
            next_step="Restore version.json, or remove the folder.",
        ) from error
    if not isinstance(value, dict):
        raise VersionError(
            f"The record of the version in {folder} is no record.", next_step="Remove the folder."
        )
    # a folder that somebody copied is another version
    return replace(Version.from_json(value, folder), id=folder.name)


def rename_version(store: Store, id: str, name: str) -> Version:
    """Call a version otherwise.

    Args:
        store: the workspace.
        id: of the version.
        name: at most 200 letters are kept.

    Raises:
        VersionError: the name is empty, or there is no such version.
        WorkspaceError: the workspace cannot be written.
    """
    if not name.strip():
        raise VersionError("A version needs a name.", next_step="Write one.")
    return amend_version(store, id, name=name.strip()[:_MOST_LETTERS])


def note_version(store: Store, id: str, note: str) -> Version:
    """Write a person's words to a version, in place of the former ones.

    Raises:
        VersionError: there is no such version.
        WorkspaceError: the workspace cannot be written.
    """
    return amend_version(store, id, note=note.strip())


def amend_version(store: Store, id: str, **changes: Any) -> Version:
    """Change what is written of a version.

    Args:
        store: the workspace.
        id: of the version.
        **changes: fields of `Version`; metrics and data are joined with the former ones.

    Raises:
        VersionError: there is no such version, or somebody else is changing it for too long.
        WorkspaceError: the workspace cannot be written.
    """
    with FileLock(store.folder(FOLDER) / f".{Path(id).name}.lock") as lock:
        _wait_for(lock, id)
        former = version(store, id)
        for name in {"metrics", "data"} & set(changes):
            changes[name] = {**getattr(former, name), **_plain(changes[name])}
        changed = replace(former, **changes)
        write_json(changed.folder / RECORD, changed.to_json())
    return changed


def _wait_for(lock: FileLock, id: str) -> None:
    until = time.monotonic() + _SECONDS_TO_WAIT
    while not lock.acquire():
        if time.monotonic() > until:
            raise VersionError(f'The version "{id}" is just being changed.', next_step="Try again.")
        time.sleep(0.01)


def delete_version(store: Store, id: str) -> None:
    """Forget a version with its weights. Its evaluation stays, and versions that started from it keep its id.

    Raises:
        VersionError: there is no such version, or a job uses it.
        WorkspaceError: the folder cannot be removed.
    """
    gone = version(store, id)
    users = jobs_with(store, gone)
    if users:
        raise VersionError(
            f'The job "{users[0]}" uses the version "{gone.name}".',
            next_step="Stop the job, or wait for its end.",
        )
    clear_unfinished(gone.folder.parent)
    remove_at_once(gone.folder)


def jobs_with(store: Store, used: Version) -> list[str]:
    """Titles of the jobs that wait or run and start from a version, or evaluate it."""
    names = {used.id, str(used.checkpoint)}
    active = (job for job in JobList(store).list(limit=1000) if job.is_active and job.id != used.job)
    return [job.title for job in active if names & _texts(job.spec)]


def _texts(value: Any) -> set[str]:
    """All texts within plain data."""
    if isinstance(value, str):
        return {value}
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set().union(*map(_texts, inner))


def size_bytes(of: Version) -> int:
    """What a version takes on the disk."""
    return sum(path.stat().st_size for path in of.folder.iterdir() if path.is_file())
