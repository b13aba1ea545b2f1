"""Where the ImageNet weights of torchvision's classifiers lie on this machine. Needs no torch."""

from __future__ import annotations

import os
import re
from pathlib import Path

from models.store import Store

FOLDER = "backbones"
_DIGEST = re.compile(r"-([0-9a-f]{8,64})\.")


def hub_folder() -> Path:
    """Where torch hub keeps what torchvision downloads."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("TORCH_HOME") or str(Path(cache) / "torch")
    return Path(home).expanduser() / "hub" / "checkpoints"


def own_folder(store: Store) -> Path:
    """Where Errorscope puts them, and a person may: ``backbones/`` in the workspace. It may not be there yet."""
    return store.root / FOLDER


def weights_file(store: Store, file_name: str) -> Path | None:
    """The file of weights, in the workspace or in torch hub's folder; None where it is in neither.

    Args:
        store: the workspace.
        file_name: as torchvision names it ("mobilenet_v2-7ebf99e0.pth").
    """
    for folder in (own_folder(store), hub_folder()):
        file = folder / file_name
        try:
            if file.is_file() and file.stat().st_size:
                return file
        except OSError:
            continue
    return None


def digest_of(file_name: str) -> str:
    """The first digits of the file's SHA-256, which torchvision puts into its name; "" where there are none.

    >>> digest_of("mobilenet_v2-7ebf99e0.pth"), digest_of("weights.pth")
    ('7ebf99e0', '')
    """
    found = _DIGEST.search(file_name)
    return found.group(1) if found else ""
