"""A file or folder that a person names: typed, or uploaded into the workspace."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from models.uploads import kept_file
from pages.shared import state


def given_path(what: str, key: str, suffixes: list[str], help_text: str) -> str:
    """A path on this machine, or an uploaded file kept in the workspace; "" where nothing is named.

    Args:
        what: the field's label.
        key: prefix of the widgets' keys.
        suffixes: what the uploader takes.
        help_text: what kinds of file will do.
    """
    path = st.text_input(what, key=f"{key}_path", help=help_text, placeholder="/path/on/this/machine")
    with st.expander("Or upload it"):
        upload = st.file_uploader("File", type=suffixes, key=f"{key}_upload", label_visibility="collapsed")
    return typed_path(path) if upload is None else _kept(key, upload)


def typed_path(text: str) -> str:
    """The absolute path that a person typed, perhaps within quotes or from their home; "" for nothing.

    >>> typed_path(" '/data/val' "), typed_path("  ")
    ('/data/val', '')
    """
    plain = text.strip().strip("'\"").strip()
    # Path.expanduser raises where nobody has this name; then the tilde is part of the name.
    return str(Path(os.path.expanduser(plain)).absolute()) if plain else ""  # noqa: PTH111


def _kept(key: str, upload: UploadedFile) -> str:
    """Where the upload lies; a large one is hashed and written once, not on every rerun."""
    identifier, path = st.session_state.get(f"{key}_kept", ("", ""))
    if identifier != upload.file_id or not Path(path).is_file():
        path = str(kept_file(state.store(), upload.name, upload.getvalue()))
        st.session_state[f"{key}_kept"] = (upload.file_id, path)
    return str(path)
