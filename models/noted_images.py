"""Which images of an evaluation something was decided or written about."""

from __future__ import annotations

from contextlib import suppress
from threading import Lock

from models.content import content_hash
from models.errors import ImagesError
from models.fingerprints import FileState, file_state
from models.notes import ImageNote, image_notes, plain_path
from models.prediction_record import Predictions
from models.store import Store


class ImageContents:
    """Finds images by their content; looks at each file once, and reads only those it has to.

    Only files that have the size of a noted one are read. Made once and kept, it answers again without
    looking at the files, so a decision costs as much as there are notes, however many images there are.

    Args:
        predictions: whose images are looked up.
    """

    def __init__(self, predictions: Predictions) -> None:
        self._files = [str(predictions.absolute(path)) for path in predictions.images["path"]]
        self._states: list[FileState] = [file_state(file) for file in self._files]
        self._lock = Lock()
        self._contents: dict[int, str] = {}
        self._of_size: dict[int, list[int]] = {}
        self._gone: dict[str, list[int]] = {}
        for row in range(len(self._files)):
            self._alike(row).append(row)

    def rows(self, note: ImageNote) -> list[int]:
        """The rows of the images that a note is about; a file that is gone is known by its path."""
        with self._lock:
            alike = self._of_size.get(note.size_bytes, [])
            return [
                *(row for row in alike if self._content(row) == note.content),
                *self._gone.get(note.path, []),
            ]

    def look_again(self, row: int) -> None:
        """Look at one file again: it may have been put back, or another in its place."""
        state = file_state(self._files[row])
        with self._lock:
            if state != self._states[row]:
                self._alike(row).remove(row)
                self._states[row] = state
                self._alike(row).append(row)
                self._contents.pop(row, None)

    def _alike(self, row: int) -> list[int]:
        """The rows that stand where this one stands: of files of its size, or gone from its path."""
        size = self._states[row][0]
        if size == -1:
            return self._gone.setdefault(plain_path(self._files[row]), [])
        return self._of_size.setdefault(size, [])

    def _content(self, row: int) -> str:
        if row not in self._contents:
            self._contents[row] = ""
            with suppress(ImagesError):  # gone in between: no note is about an empty content
                self._contents[row] = content_hash(self._files[row])
        return self._contents[row]


def noted_images(
    store: Store, predictions: Predictions, contents: ImageContents | None = None
) -> dict[int, ImageNote]:
    """What is known about the images of an evaluation, found by their content.

    Args:
        store: the workspace.
        predictions: whose images are looked up.
        contents: of these predictions, where it was kept from an earlier call.

    Returns:
        Row in the predictions to note. Copies of one image share their note.
    """
    notes = image_notes(store)
    if not notes:
        return {}
    contents = contents or ImageContents(predictions)
    return {row: note for note in reversed(notes) for row in contents.rows(note)}
