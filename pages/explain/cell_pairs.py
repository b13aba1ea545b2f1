"""Images before and after an edit, side by side."""

from __future__ import annotations

import html
import io

import numpy as np
import streamlit as st
from PIL import Image

from analysis.causal_test import CausalTest, ImageEffect
from analysis.cell_record import CellMaps
from analysis.map_groups import spread
from analysis.picture_edits import covered, pasted
from models.errors import ImagesError
from models.predictions import Predictions
from models.thumbnails import thumbnail
from pages.explain.cell_drawing import marked_picture, row
from pages.shared import state

PAIRS = 4


def pairs(predictions: Predictions, maps: CellMaps, result: CausalTest, key: str) -> None:
    """Draw some images before and after: those that changed, from all over them, and others to fill up.

    Args:
        predictions: of all images.
        maps: of the cell; they say what the network saw of each picture.
        result: of the causal test.
        key: of the place and edit.
    """
    changed = [place for place, each in enumerate(result.effects) if result.is_change(each)]
    others = [place for place in range(result.n) if place not in changed]
    shown = [*spread(np.array(changed, dtype=np.intp), PAIRS), *others][:PAIRS]
    effects = [result.effects[place] for place in shown]
    figures = [_pair(predictions, maps, result, effect) for effect in effects]
    with st.container(key=f"{key}_pairs"):
        st.html(row([each for each in figures if each], "cell-pairs"))


def _pair(predictions: Predictions, maps: CellMaps, result: CausalTest, effect: ImageEffect) -> str:
    names = predictions.class_names
    try:
        before, region = _seen(predictions, maps, effect.image), result.region
        if result.edit == "cover":
            after = covered(before, region, fill="mean")
        else:
            after = pasted(before, region, _seen(predictions, maps, effect.source), region)
    except ImagesError:
        return ""  # gone since the test; its numbers stand
    stays = effect.before == effect.after
    caption = f"still {names[effect.after]}" if stays else f"{names[effect.before]} → {names[effect.after]}"
    probability = f"{result.target_name}: {effect.probability_before:.0%} → {effect.probability_after:.0%}"
    pictures = marked_picture(_jpeg(before), f"before, called {names[effect.before]}", "", [(region, "")])
    pictures += marked_picture(_jpeg(after), f"after, called {names[effect.after]}")
    return (
        f'<figure class="cell-pair"><div>{pictures}</div><figcaption>{html.escape(caption)}<br>'
        f"<small>{html.escape(probability)}</small></figcaption></figure>"
    )


def _seen(predictions: Predictions, maps: CellMaps, image: int) -> Image.Image:
    """What the network saw of an image, small; places are shares of that.

    Raises:
        ImagesError: the image cannot be read, or is none of the cell's.
    """
    rows = np.flatnonzero(maps.images == image)
    if not len(rows):
        raise ImagesError("The image is not among those of the cell.")
    path = predictions.absolute(predictions.images["path"].iloc[image])
    picture = Image.open(io.BytesIO(thumbnail(state.store(), path))).convert("RGB")
    left, top, right, bottom = maps.seen[rows[0]].tolist()
    width, height = picture.size
    return picture.crop(
        (round(left * width), round(top * height), round(right * width), round(bottom * height))
    )


def _jpeg(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=88)
    return content.getvalue()
