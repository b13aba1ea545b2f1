"""How a picture becomes the network's input: shown, changeable, and saved with the evaluation."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from models.errors import PreprocessingError
from pages.shared import state

INTERPOLATIONS = ["bilinear", "bicubic", "nearest"]


@dataclass(frozen=True)
class PreprocessingChoice:
    """What the form holds.

    Args:
        changed: the preprocessing as plain data; None where it is the default.
        problem: why what was typed cannot be used; "" where it can.
    """

    changed: dict[str, Any] | None
    problem: str = ""


def preprocessing_form(path: str, default: dict[str, Any], origin: str) -> PreprocessingChoice:
    """Show the preprocessing and let it be changed.

    Args:
        path: the checkpoint.
        default: the preprocessing it brings along or its architecture's usual one, as plain data.
        origin: names the state of the checkpoint and its architecture; changes made for one are not
            carried over to another.
    """
    with st.expander(f"Preprocessing: {_words(default)}"):
        st.caption(
            "These must be the values the network was trained with; wrong ones cost accuracy without a warning."
        )
        values = _fields(_key(default, origin), default)
        try:
            checked = _checked(values)
        except PreprocessingError as error:
            problem = error
        else:
            _save_button(path, checked)
            return PreprocessingChoice(None if checked == default else checked)
    # Outside of the expander: it must be seen while that is folded.
    state.explain(problem)
    return PreprocessingChoice(None, problem.message)


def _key(default: dict[str, Any], origin: str) -> str:
    digest = hashlib.blake2b(f"{origin} {default}".encode("utf-8", "surrogateescape"), digest_size=8)
    return f"preprocessing_{digest.hexdigest()}"


def _save_button(path: str, values: dict[str, Any]) -> None:
    st.download_button(
        "Save as a file", json.dumps(values, indent=1), file_name=f"{Path(path).stem}.preprocessing.json",
        mime="application/json", on_click="ignore", type="tertiary", icon=":material/download:",
        help="Beside the checkpoint, under this name, it is read by itself.", key="save_preprocessing",
    )  # fmt: skip


def _words(values: dict[str, Any]) -> str:
    resize = "no resize" if values["resize"] is None else f"resize {values['resize']}"
    crop = "no crop" if values["crop"] is None else f"crop {values['crop']}"
    return f"{resize}, {crop}, {values['interpolation']}"


def _fields(key: str, default: dict[str, Any]) -> dict[str, Any]:
    left, right = st.columns(2)
    resize = left.text_input(
        "Resize the shorter side to (pixels)", _size_text(default["resize"]), key=f"{key}_resize",
        help="One number; “height, width” stretches; empty keeps the size.",
    )  # fmt: skip
    crop = right.text_input(
        "Centre crop (pixels)",
        _size_text(default["crop"]),
        key=f"{key}_crop",
        help="One number, or “height, width”; empty crops nothing.",
    )
    mean = left.text_input("Mean of red, green, blue", _triple_text(default["mean"]), key=f"{key}_mean")
    std = right.text_input("Standard deviation", _triple_text(default["std"]), key=f"{key}_std")
    interpolation = left.selectbox(
        "Interpolation",
        INTERPOLATIONS,
        index=INTERPOLATIONS.index(default["interpolation"]),
        key=f"{key}_interpolation",
    )
    grayscale = right.toggle("Trained on grayscale", default["grayscale"], key=f"{key}_grayscale")
    return {
        "resize": resize, "crop": crop, "mean": mean, "std": std, "interpolation": interpolation, "grayscale": grayscale,
    }  # fmt: skip


def _size_text(size: int | list[int] | None) -> str:
    if size is None:
        return ""
    return str(size) if isinstance(size, int) else ", ".join(map(str, size))


def _triple_text(values: list[float]) -> str:
    # As many digits as bring the same number back: an untouched form must equal the default.
    return ", ".join(map(repr, values))


def _numbers(name: str, text: str, kind: type[int] | type[float]) -> list[Any]:
    try:
        return [kind(part) for part in text.replace(";", ",").split(",") if part.strip()]
    except ValueError as error:
        raise PreprocessingError(
            f"{name} is {text!r}, which is not a list of numbers.",
            next_step="Write numbers with commas between them.",
        ) from error


def _size(name: str, text: str) -> int | list[int] | None:
    numbers = _numbers(name, text, int)
    return None if not numbers else numbers[0] if len(numbers) == 1 else numbers


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    # Imported here: it needs torch, which takes seconds to load.
    from models.preprocessing import Preprocessing

    plain = {
        **values,
        "resize": _size("resize", values["resize"]),
        "crop": _size("crop", values["crop"]),
        "mean": _numbers("mean", values["mean"], float),
        "std": _numbers("std", values["std"], float),
    }
    return Preprocessing.from_json(plain).to_json()
