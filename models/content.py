"""What an image is known by wherever it lies: the hash of its bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from models.errors import ImagesError
from models.file_reasons import file_reason


def content_hash(path: Path | str) -> str:
    """The MD5 of a file's bytes: equal files have equal ones, whatever they are called.

    MD5 tells files apart that nobody forged; it is not used to keep anybody out.

    Args:
        path: the file.

    Returns:
        32 hex digits.

    Raises:
        ImagesError: the file cannot be read; ``message`` is the reason alone.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except (OSError, ValueError) as error:
        reason = file_reason(error) if isinstance(error, OSError) else "no file can have this name"
        raise ImagesError(
            reason, next_step=f"Put {Path(path).name} back, or open the images again."
        ) from error
