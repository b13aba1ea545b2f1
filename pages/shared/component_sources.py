"""The files a Streamlit component is made of."""

from __future__ import annotations

from pathlib import Path


def sources(folder: Path, *names: str) -> str:
    """The text of files that lie beside a component's module, one after the other.

    Args:
        folder: where they lie.
        names: of the files; of two style sheets, the rules of the later one win.
    """
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)
