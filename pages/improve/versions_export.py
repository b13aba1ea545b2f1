"""A version's files, to be taken elsewhere: weights, programs, and the recipe."""

from __future__ import annotations

import streamlit as st

from models.errors import ErrorscopeError
from models.finetune.export import (
    ONNX,
    ExportFormat,
    export_name,
    export_of,
    export_version,
    exports_of,
    file_stem,
)
from models.finetune.recipe_file import recipe_text
from models.finetune.version_record import Version
from pages.shared import state
from pages.shared.interruptible import interruptible


def exports(version: Version) -> None:
    """Draw each kind of file with its button.

    Args:
        version: it.
    """
    with st.container(key="version_exports", gap="medium"):
        for kind in exports_of(version).values():
            with st.container(gap="xsmall"):
                st.markdown(f"**{kind.label}** · {state.escaped(kind.sentence)}")
                _file(version, kind)
        if version.compression:
            _of_compression(version)
            return
        with st.container(gap="xsmall"):
            st.markdown(
                "**Recipe** · All settings as YAML, to be read, changed and run again: "
                "`python -m models.finetune --recipe FILE`"
            )
            file = f"{file_stem(version.name)}.yaml"
            st.download_button(
                "Download the recipe", lambda: recipe_text(version.finetune_spec, file=file), file_name=file,
                mime="application/yaml", key="export_recipe", icon=":material/download:", on_click="ignore",
            )  # fmt: skip
        _onnx_way()


def _onnx_way() -> None:
    st.caption(
        "ONNX: open this version and make it int8 on the page Compression; the torch.export program can be turned into ONNX too."
    )


def _of_compression(version: Version) -> None:
    if version.compression.get("method") == "half":
        st.caption(
            "The file holds 16 bits for each weight. What Errorscope or a program computes from it is in 32 bits."
        )
    elif version.architecture != ONNX:
        _onnx_way()


def _file(version: Version, kind: ExportFormat) -> None:
    made = export_of(version, kind.key)
    if made is None and kind.is_program:
        if st.button(f"Make the {kind.label} program", key=f"make_{kind.key}", icon=":material/build:"):
            _make(version, kind)
        return
    size = "" if made is None else f" ({made.stat().st_size / 1e6:.1f} MB)"
    st.download_button(
        f"Download {kind.label}{size}", lambda: export_version(version, kind.key).read_bytes(),
        file_name=export_name(version, kind.key), mime="application/octet-stream", key=f"export_{kind.key}",
        icon=":material/download:", on_click="ignore",
    )  # fmt: skip


def _make(version: Version, kind: ExportFormat) -> None:
    """Make a program while the person waits; some ten seconds."""
    try:
        with st.spinner("Tracing the network…", show_time=True):
            interruptible(lambda: export_version(version, kind.key))
    except ErrorscopeError as error:
        state.explain(error)
        return
    st.rerun()
