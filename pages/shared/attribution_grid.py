"""What the network looked at: rows of maps over the image, one row per method."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st
from PIL import Image

from models.errors import AttributionError, ImagesError
from models.fingerprints import content_key
from pages.shared import state
from pages.shared.halves import halves
from pages.shared.job_panel import duration_words

if TYPE_CHECKING:
    from analysis.attribution.records import Attribution
    from models.network import Network

METHOD_KEYS = ("grad_cam", "smooth_grad")
SHOWN_SIDE = 720
_HERE = Path(__file__).parent
_rows = st.components.v2.component(
    "errorscope_attributions",
    html='<div class="attributions">\n</div>',
    css=(_HERE / "attribution_grid.css").read_text(encoding="utf-8"),
    js=(_HERE / "attribution_grid.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Asked:
    """One class whose evidence is shown.

    Args:
        index: the class.
        title: what the picture's caption says of it.
    """

    index: int
    title: str


def data_uri(content: bytes, kind: str) -> str:
    """Bytes of a picture as an address an <img> takes; ``kind`` is "png" or "jpeg"."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def shown_picture(image: Image.Image) -> bytes:
    """The image as a JPEG of at most SHOWN_SIDE pixels a side, to lay maps over."""
    small = image.copy()
    small.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    content = io.BytesIO()
    small.save(content, "JPEG", quality=88)
    return content.getvalue()


@dataclass(frozen=True)
class Subject:
    """What is explained.

    Args:
        network: the network.
        image: the picture, upright, RGB, at its own size.
        path: the picture's file.
        asked: the classes whose evidence is shown, side by side.
    """

    network: Network
    image: Image.Image
    path: Path
    asked: Sequence[Asked]


def attribution_grid(subject: Subject) -> None:
    """Draw one row of maps per method; the slow ones say how far they are, and stop when one leaves."""
    base = data_uri(shown_picture(subject.image), "jpeg")
    with st.container(key="attribution_grid"):
        columns = halves("attributions", gap="small")
        for place, (key, column) in enumerate(zip(METHOD_KEYS, columns, strict=True)):
            with column, st.container(key=f"attribution_{key}"):
                _method_row(subject, key, base, slider=place == 0)


def _method_row(subject: Subject, key: str, base: str, *, slider: bool) -> None:
    from analysis.attribution import METHODS

    method = METHODS[key]
    try:
        found = _attributions(subject, key)
    except (AttributionError, ImagesError) as error:
        st.info(f"**{method.label}.** {state.escaped(str(error))}", icon=":material/info:")
        return
    maps = [_map(subject, asked, one) for asked, one in zip(subject.asked, found, strict=True)]
    seconds = found[0].seconds
    note = f"{method.limits} ({duration_words(seconds) if seconds >= 1 else 'under a second'})"
    ratio = subject.image.width / subject.image.height
    _rows(
        key=f"maps_{key}",
        data={
            "label": method.label,
            "note": note,
            "base": base,
            "frame": _frame(subject),
            "maps": maps,
            "ratio": ratio,
            "slider": slider,
        },
    )


def _map(subject: Subject, asked: Asked, attribution: Attribution) -> dict[str, Any]:
    from analysis.attribution import METHODS
    from analysis.saliency_image import heat_png

    if attribution.is_blank:
        return {"title": asked.title, "relevance": None, "word": "No positive evidence for this class."}
    box = subject.network.preprocessing.crop_box(*subject.image.size)
    grain = METHODS[attribution.method].grain
    content = heat_png(attribution.relevance, box, subject.image.size, grain=grain, longest=SHOWN_SIDE)
    return {"title": asked.title, "relevance": data_uri(content, "png"), "word": ""}


def _frame(subject: Subject) -> str:
    from analysis.saliency_image import crop_frame_png

    box = subject.network.preprocessing.crop_box(*subject.image.size)
    return data_uri(crop_frame_png(box, subject.image.size, longest=SHOWN_SIDE), "png")


def _attributions(subject: Subject, key: str) -> tuple[Attribution, ...]:
    from analysis.attribution import METHODS
    from analysis.attribution.saved import saved_steps
    from models.image_input import image_input

    # What the network was shown when it predicted, to the last pixel.
    inputs = image_input(subject.path, subject.network.preprocessing)
    label = METHODS[key].label
    targets = [asked.index for asked in subject.asked]
    place = st.empty()
    found: tuple[Attribution, ...] = ()
    for step in saved_steps(
        state.store(), subject.network, inputs, targets, key, image_key=content_key(subject.path)
    ):
        found = step.attributions
        if step.fraction < 1:
            left = found[0].seconds * (1 - step.fraction) / step.fraction
            place.progress(step.fraction, text=f"{label}: about {duration_words(left)} left")
    place.empty()
    return found
