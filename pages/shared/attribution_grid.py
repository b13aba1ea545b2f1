"""What the network looked at: maps over the picture, as the inspector and the image page draw them."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import streamlit as st
from PIL import Image

from models.errors import AttributionError, ImagesError
from models.fingerprints import content_key
from pages.shared import state
from pages.shared.component_sources import sources
from pages.shared.halves import halves
from pages.shared.interruptible import give_way
from pages.shared.job_panel import duration_words

if TYPE_CHECKING:
    from analysis.attribution.records import Attribution
    from models.network import Network

METHOD_KEYS = ("grad_cam", "smooth_grad")
SHOWN_SIDE = 720
USUAL_OPACITY = 0.9
Sign = Literal["positive", "signed", "absolute"]
Box = tuple[float, float, float, float]
_FOLDER = Path(__file__).parent
_rows = st.components.v2.component(
    "errorscope_attributions",
    html='<div class="attributions">\n</div>',
    css=sources(_FOLDER, "attribution_grid.css"),
    js=sources(_FOLDER, "attribution_grid.js"),
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


@dataclass(frozen=True)
class Drawing:
    """How maps are drawn.

    Args:
        sign: only what speaks for the class, both directions, or the strength alone.
        colour_map: one of `analysis.colour_maps.COLOUR_MAPS`, for all but "signed".
        percentile: of each map's own absolute values; from there on it is drawn at full strength.
    """

    sign: Sign = "positive"
    colour_map: str = "inferno"
    percentile: float = 99.5

    @property
    def keywords(self) -> dict[str, Any]:
        """The same, as the functions of `analysis.saliency_image` take it."""
        return {
            "colour_map": self.colour_map,
            "signed": self.sign == "signed",
            "absolute": self.sign == "absolute",
            "percentile": self.percentile,
        }


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


def data_uri(content: bytes, kind: str) -> str:
    """Bytes of a picture as an address an <img> takes; ``kind`` is "png" or "jpeg"."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


@st.cache_data(max_entries=32, show_spinner=False)
def picture_address(key: str, _image: Image.Image) -> str:
    """The image as a JPEG of at most SHOWN_SIDE pixels a side, to lay maps over.

    Args:
        key: names the picture's content.
        _image: the picture.
    """
    small = _image.copy()
    small.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    content = io.BytesIO()
    small.save(content, "JPEG", quality=88)
    return data_uri(content.getvalue(), "jpeg")


@st.cache_data(max_entries=64, show_spinner=False)
def map_address(
    relevance: npt.NDArray[np.float32],
    grain: int,
    box: Box,
    size: tuple[int, int],
    drawing: Drawing,
    *,
    scale: float | None = None,
) -> str:
    """A map as a transparent PNG that lies exactly over the picture.

    Args:
        relevance: (H, W) over the network's input.
        grain: `Method.grain`.
        box: what the network saw, in the picture's pixels.
        size: (width, height) of the picture in pixels.
        drawing: how to draw it.
        scale: the relevance at full strength; None takes the map's own percentile.
    """
    from analysis.saliency_image import heat_png

    content = heat_png(relevance, box, size, grain=grain, longest=SHOWN_SIDE, scale=scale, **drawing.keywords)
    return data_uri(content, "png")


@st.cache_data(max_entries=32, show_spinner=False)
def frame_address(box: Box, size: tuple[int, int]) -> str:
    """What the network never saw of a picture, darkened."""
    from analysis.saliency_image import crop_frame_png

    return data_uri(crop_frame_png(box, size, longest=SHOWN_SIDE), "png")


def drawn_maps(data: Mapping[str, Any], *, key: str) -> Any:
    """Draw pictures with maps over them; new data under the same key changes them in place.

    Args:
        data: ``ratio`` (width over height) and ``maps``, each with ``title``, ``relevance`` (an address or
            None) and ``alt_map`` (its words, if not the title), ``word`` (said over the picture), ``badge``,
            ``fraction`` (of a running method) and ``waiting``; with ``base`` (the picture's address) and
            ``frame``, each map's own or the same for all; ``greyable`` where the picture under a map may be
            drawn in grey, ``label`` and ``note`` for a line over the maps, ``slider`` where the opacity is
            set there. Or ``legend`` with ``low``, ``high`` and ``colours``, with a slider for the
            ``opacity`` of all maps of the page and a box for ``grey``.
        key: of the component in this script.
    """
    return _rows(key=key, data=dict(data))


def attribution_grid(subject: Subject) -> None:
    """Draw one row of maps per method; the slow ones say how far they are, and stop when one leaves."""
    with st.container(key="attribution_grid"):
        columns = halves("attributions", gap="small")
        for place, (key, column) in enumerate(zip(METHOD_KEYS, columns, strict=True)):
            with column, st.container(key=f"attribution_{key}"):
                method_row(subject, key, slider=place == 0)


def method_row(subject: Subject, key: str, *, slider: bool, name: str = "", label: str = "") -> None:
    """Draw one method's maps, or why there are none.

    Args:
        subject: what is explained.
        key: of the method.
        slider: whether the opacity of all maps is set here.
        name: of the place, where a page has the method more than once.
        label: over the maps, in place of the method's own.
    """
    from analysis.attribution import METHODS

    method = METHODS[key]
    try:
        found = _attributions(subject, key)
    except (AttributionError, ImagesError) as error:
        st.info(f"**{method.label}.** {state.escaped(str(error))}", icon=":material/info:")
        return
    seconds = found[0].seconds
    box = subject.network.preprocessing.crop_box(*subject.image.size)
    drawn_maps(
        {
            "label": label or method.label,
            "note": f"{method.limits} ({duration_words(seconds) if seconds >= 1 else 'under a second'})",
            "base": picture_address(content_key(subject.path), subject.image),
            "frame": frame_address(box, subject.image.size),
            "maps": [_map(subject, asked, one) for asked, one in zip(subject.asked, found, strict=True)],
            "ratio": subject.image.width / subject.image.height,
            "slider": slider,
        },
        key=f"maps_{key}{name}",
    )


def _map(subject: Subject, asked: Asked, attribution: Attribution) -> dict[str, Any]:
    from analysis.attribution import METHODS

    if attribution.is_blank:
        return {"title": asked.title, "relevance": None, "word": "No positive evidence for this class."}
    box = subject.network.preprocessing.crop_box(*subject.image.size)
    grain = METHODS[attribution.method].grain
    address = map_address(attribution.relevance, grain, box, subject.image.size, Drawing())
    return {"title": asked.title, "relevance": address, "word": ""}


def _attributions(subject: Subject, key: str) -> tuple[Attribution, ...]:
    from analysis.attribution import METHODS
    from analysis.attribution.saved import saved_steps
    from models.image_input import image_input

    # Before the file is read: one changed in between is then explained anew.
    image_key = content_key(subject.path)
    # What the network was shown when it predicted, to the last pixel.
    inputs = image_input(subject.path, subject.network.preprocessing)
    label = METHODS[key].label
    targets = [asked.index for asked in subject.asked]
    place = st.empty()
    found: tuple[Attribution, ...] = ()
    for step in saved_steps(state.store(), subject.network, inputs, targets, key, image_key=image_key):
        found = step.attributions
        if step.fraction < 1:
            left = found[0].seconds * (1 - step.fraction) / step.fraction
            place.progress(step.fraction, text=f"{label}: about {duration_words(left)} left")
            give_way()
    place.empty()
    return found
