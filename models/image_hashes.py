"""What is in many files, and whether they are pictures at all: found out once and kept. Needs no torch.

The workspace's database knows a file by its path, size and time of change, so a changed file is read again
and all others are not.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from models.content import content_hash
from models.cores import background_threads
from models.database import reading, transaction
from models.decoding import decoded
from models.errors import ImagesError
from models.fingerprints import content_key
from models.halves import Booleans, choosing_half
from models.image_facts import SIDE, saved_image_facts
from models.prediction_record import Predictions
from models.progress import Progress, finished
from models.store import Store

HASHING, CHECKING = "Reading the image files", "Checking that the images can be read"
AT_ONCE = 256
BETWEEN_REPORTS = 16
SCHEMA = """
CREATE TABLE IF NOT EXISTS image_hashes (file TEXT PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS image_problems (file TEXT PRIMARY KEY, problem TEXT NOT NULL);
"""


def content_hash_steps(store: Store, paths: Sequence[Path]) -> Generator[Progress, None, list[str]]:
    """The hashes of files' bytes, of which those that were read before are not read again.

    Args:
        store: the workspace.
        paths: N files.

    Yields:
        Progress in images; closed in between, what was read is kept.

    Returns:
        N hashes as ``models.content.content_hash`` gives them; "" for a file that cannot be read.
    """
    return (yield from _answered(store, paths, _HASHES))


def content_hashes(store: Store, paths: Sequence[Path]) -> list[str]:
    """As ``content_hash_steps``, without saying where it stands."""
    return finished(content_hash_steps(store, paths), lambda _: None)


def readable_steps(store: Store, paths: Sequence[Path]) -> Generator[Progress, None, list[str]]:
    """Decode files once, to know which cannot be.

    Args:
        store: the workspace.
        paths: N files.

    Yields:
        Progress in images; closed in between, what was found out is kept.

    Returns:
        N reasons why not, in words; "" for a picture that can be read.
    """
    return (yield from _answered(store, paths, _PROBLEMS))


def hashes_of(store: Store, predictions: Predictions) -> list[str]:
    """The hashes of the files of N images, as of ``content_hashes``."""
    return content_hashes(store, [predictions.absolute(path) for path in predictions.images["path"]])


def known_by(predictions: Predictions, hashes: Sequence[str]) -> list[str]:
    """What each image is known by: its content, or where its file is gone its id.

    Args:
        predictions: N images.
        hashes: of their files; "" where one is gone.
    """
    return [digest or str(id) for digest, id in zip(hashes, predictions.images["id"], strict=True)]


def choosing_rows(store: Store, predictions: Predictions) -> Booleans:
    """Which images of an evaluation belong to the choosing half (``models.halves.choosing_half``).

    Args:
        store: the workspace.
        predictions: N images.

    Returns:
        (N,) True for the choosing half, False for the half that is kept for the report.
    """
    known = known_by(predictions, hashes_of(store, predictions))
    return choosing_half(predictions.images["label"].tolist(), known)


@dataclass(frozen=True)
class _Question:
    """What is asked of a file.

    Args:
        phase: what is being done, in words.
        table: that keeps the answers.
        column: of the facts of pictures, where those know the answer already.
        answer: of a file, and whether it will be the same next time: what a broken disk or a missing permission
            made of it is not kept.
    """

    phase: str
    table: str
    column: str
    answer: Callable[[Path], tuple[str, bool]]


def _answered(store: Store, paths: Sequence[Path], asked: _Question) -> Generator[Progress, None, list[str]]:
    """The kept answers about files, and new ones, which are kept, where there are none."""
    files = [content_key(path) for path in paths]
    answers = _kept(store, asked.table, files)
    if not answers:
        answers = _of_facts(store, paths, files, asked.column)
        _keep(store, asked.table, answers)
    missing = {file: path for file, path in zip(files, paths, strict=True) if file not in answers}
    known = len(paths) - len(missing)
    if missing:
        yield Progress(asked.phase, known, len(paths))
    for done, some in _worked(list(missing.items()), asked.answer):
        answers |= {file: answer for file, (answer, _) in some.items()}
        _keep(store, asked.table, {file: answer for file, (answer, is_lasting) in some.items() if is_lasting})
        yield Progress(asked.phase, known + done, len(paths))
    return [answers[file] for file in files]


def _worked(
    missing: Sequence[tuple[str, Path]], answer: Callable[[Path], tuple[str, bool]]
) -> Iterator[tuple[int, dict[str, tuple[str, bool]]]]:
    """New answers, a few at a time: how many there are by now, and the latest."""
    with ThreadPoolExecutor(background_threads(), thread_name_prefix="image-hashes") as pool:
        for start in range(0, len(missing), BETWEEN_REPORTS):
            some = missing[start : start + BETWEEN_REPORTS]
            answers = pool.map(answer, [path for _, path in some])
            yield start + len(some), dict(zip([file for file, _ in some], answers, strict=True))


def _kept(store: Store, table: str, files: Sequence[str]) -> dict[str, str]:
    kept: dict[str, str] = {}
    with reading(store, SCHEMA) as connection:
        for start in range(0, len(files), AT_ONCE):
            some = files[start : start + AT_ONCE]
            marks = ",".join("?" * len(some))
            kept.update(connection.execute(f"SELECT * FROM {table} WHERE file IN ({marks})", some).fetchall())
    return kept


def _keep(store: Store, table: str, answers: Mapping[str, str]) -> None:
    if answers:
        with transaction(store, SCHEMA) as connection:
            connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", answers.items())


def _of_facts(store: Store, paths: Sequence[Path], files: Sequence[str], column: str) -> dict[str, str]:
    """What measuring the same pictures has found out already, of those that could be read then."""
    facts: pd.DataFrame | None = saved_image_facts(store, paths)
    if facts is None:
        return {}
    rows = zip(files, facts["content"], facts[column], strict=True)
    return {file: answer for file, content, answer in rows if content}


def _hash(path: Path) -> tuple[str, bool]:
    try:
        return content_hash(path), True
    except ImagesError:
        return "", False


def _problem(path: Path) -> tuple[str, bool]:
    try:
        decoded(path, at_least=(SIDE, SIDE))
    except ImagesError as error:
        # what the system says has a number; what is in the file has none
        return error.message, getattr(error.__cause__, "errno", None) is None
    return "", True


_HASHES = _Question(HASHING, "image_hashes", "content", _hash)
_PROBLEMS = _Question(CHECKING, "image_problems", "problem", _problem)
