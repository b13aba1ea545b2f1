"""The images that excite a channel most, as pictures: what the network saw of them, kept between reruns."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import streamlit as st

from models.errors import ImagesError
from models.fingerprints import content_key
from models.thumbnails import THREADS

if TYPE_CHECKING:
    from PIL import Image

    from models.preprocessing import Preprocessing
    from pages.network.channels_of_layer import ScannedChannels

CUT_SIDE = 72


def peak_rows(channels: ScannedChannels, channel: int) -> list[tuple[int, float, tuple[int, int]]]:
    """The images that excite a channel most: row, largest value, place of the map; the greatest first.

    Args:
        channels: of a layer.
        channel: its number.
    """
    scan, at = channels.scan, channels.layer.first_channel + channel
    return [
        (int(row), float(value), (int(place[0]), int(place[1])))
        for row, value, place in zip(
            scan.peak_images[at], scan.peak_values[at], scan.peak_places[at], strict=True
        )
        if row >= 0 and np.isfinite(value)
    ]


def seen(channels: ScannedChannels, row: int) -> Image.Image | None:
    """What the network saw of an image; None where it cannot be read any more."""
    path = channels.predictions.absolute(channels.predictions.images["path"].iloc[row])
    try:
        key = content_key(path)
        return _seen(str(path), key, repr(channels.preprocessing), channels.preprocessing)
    except ImagesError:
        return None


@st.cache_resource(max_entries=256, show_spinner=False)
def _seen(path: str, key: str, preprocessing: str, _preprocessing: Any) -> Image.Image:
    from analysis.layers.peak_pictures import seen_picture

    return seen_picture(Path(path), _preprocessing)


def peak_cuts(
    channels: ScannedChannels, numbers: npt.NDArray[np.intp], most: int
) -> dict[int, list[bytes | None]]:
    """The parts of images that excite some channels most, as small squares.

    Args:
        channels: of a layer.
        numbers: of the channels.
        most: squares for each.
    """
    asked = tuple(int(each) for each in numbers)
    return _cuts(channels.workspace.fingerprint, channels.layer.name, asked, most, channels)


@st.cache_data(max_entries=64, show_spinner="Cutting out what excites the channels…")
def _cuts(
    fingerprint: str, layer: str, numbers: tuple[int, ...], most: int, _channels: ScannedChannels
) -> dict[int, list[bytes | None]]:
    peaks = {channel: peak_rows(_channels, channel)[:most] for channel in numbers}
    rows = sorted({row for each in peaks.values() for row, _, _ in each})
    paths = [_channels.predictions.absolute(_channels.predictions.images["path"].iloc[row]) for row in rows]
    with ThreadPoolExecutor(THREADS, thread_name_prefix="peaks") as pool:
        opened = pool.map(partial(_opened, preprocessing=_channels.preprocessing), paths)
        pictures = dict(zip(rows, opened, strict=True))
    return {
        channel: [_cut(_channels, pictures[row], place) for row, _, place in each]
        for channel, each in peaks.items()
    }


def _opened(path: Path, preprocessing: Preprocessing) -> Image.Image | None:
    from analysis.layers.peak_pictures import seen_picture

    try:
        return seen_picture(path, preprocessing)
    except ImagesError:
        return None


def _cut(channels: ScannedChannels, picture: Image.Image | None, place: tuple[int, int]) -> bytes | None:
    from analysis.layers.peak_pictures import cut_out, peak_region

    if picture is None:
        return None
    region, is_field = peak_region(
        place, channels.layer.places, channels.field, (picture.height, picture.width)
    )
    # around a mere place: the channel sees more than that
    return cut_out(picture, region, CUT_SIDE, least=0.0 if is_field else 0.4)
