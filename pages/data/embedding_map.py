"""The map of all images: what the network sees as alike lies close together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import streamlit as st

from analysis.embedding_map import EmbeddingMap
from analysis.embedding_map_words import LAYER, faithfulness_words, figures_words, method_words, space_words
from analysis.embedding_selection import most_confused_classes
from models.notes import ImageNote
from models.prediction_record import Predictions
from pages.data.map_colours import (
    COLOUR_WORDS,
    MOST_COLOURED,
    PALETTE,
    colouring,
    filtered,
    ways_to_colour,
)
from pages.data.map_layer import chosen_map_layer, layer_map, layer_words, offer_layers, revision_of
from pages.data.map_selected import draw_selection, keep_selection, open_row, selection_of
from pages.shared import state
from pages.shared.decisions import notes_of_images
from pages.shared.halves import halves
from pages.shared.inspector import open_inspector
from pages.shared.opened import opened_predictions
from pages.shared.scatter import scatter, scatter_points
from pages.shared.surveyed import surveyed

KEY = "embedding_map"
ALL_CLASSES = "All classes"


@dataclass(frozen=True)
class MapChoices:
    """How the map is to be drawn: colour, classes with a colour, and what is filtered out."""

    colour: str
    highlighted: tuple[str, ...]
    only_mistakes: bool
    class_name: str | None


def page() -> None:
    """Draw the page."""
    workspace, predictions = opened_predictions()
    st.title("Embedding map")
    layer = chosen_map_layer(workspace, predictions)
    if layer is None:
        found = cast(EmbeddingMap | None, surveyed(workspace, predictions, "map"))
    else:
        found = layer_map(workspace, layer)
    if found is not None and found.space == "":
        st.info(
            "A map needs embeddings or probabilities, and these predictions have neither. Open a checkpoint, "
            "or a table with one probability column for each class.",
            icon=":material/scatter_plot:",
        )
    elif found is not None:
        st.caption(space_words(found) if layer is None else layer_words(layer))
        map_and_images(workspace, predictions, found, layer)
        give_points(workspace, predictions, found, layer)
        offer_layers(workspace, predictions)
        return
    open_inspector(workspace, predictions)


def give_points(
    workspace: state.Workspace, predictions: Predictions, found: EmbeddingMap, layer: str | None
) -> None:
    """Hand the points to the browser, outside of the fragment: a change of colour sends none of them again."""
    scatter_points(
        revision=revision_of(workspace, layer),
        positions=found.positions,
        labels=predictions.labels,
        predicted=predictions.predicted,
        confidence=predictions.images["confidence"].to_numpy(),
        class_names=predictions.class_names,
        key=KEY,
    )


@st.fragment
@state.explained
def map_and_images(
    workspace: state.Workspace, predictions: Predictions, found: EmbeddingMap, layer: str | None
) -> None:
    """The map with its controls, and what is selected on it; a change runs these alone."""
    notes = notes_of_images(workspace)
    left, right = halves("map", (0.58, 0.42), "medium")
    with left:
        choices = map_choices(workspace, predictions, notes)
        draw_map(workspace, predictions, choices, notes, layer)
        say_how_faithful(found, found.space if layer is None else LAYER)
    with right:
        draw_selection(workspace, predictions, found, layer)
    open_inspector(workspace, predictions)


def map_choices(
    workspace: state.Workspace, predictions: Predictions, notes: Mapping[int, ImageNote]
) -> MapChoices:
    """Draw the controls over the map and return what they say."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="map_controls"):
        ways = ways_to_colour(predictions, notes)
        colour = st.selectbox(
            "Colour by", ways, format_func=COLOUR_WORDS.__getitem__, key="map_colour", bind="query-params", width=170
        )  # fmt: skip
        # keys of their own for each evaluation: another model has other classes
        shown = st.selectbox(
            "Show", [ALL_CLASSES, *predictions.class_names], key=f"map_class_{workspace.fingerprint[:8]}",
            persist_state="session", width=210,
            help="A class: the images labelled or called so. The others stay as faint dots.",
        )  # fmt: skip
        only_mistakes = st.toggle("Only mistakes", key="map_mistakes", persist_state="session")
    highlighted = tuple(predictions.class_names)
    if colour in ("label", "prediction") and len(highlighted) > MOST_COLOURED:
        highlighted = _highlighted(workspace, predictions)
    class_name = None if shown == ALL_CLASSES else shown
    return MapChoices(colour, highlighted, only_mistakes, class_name)


def _highlighted(workspace: state.Workspace, predictions: Predictions) -> tuple[str, ...]:
    names = predictions.class_names
    default = [names[index] for index in most_confused_classes(predictions, len(PALETTE))]
    return tuple(
        st.multiselect(
            f"Classes with a colour (up to {MOST_COLOURED}; at first the most confused)", names, default=default,
            max_selections=MOST_COLOURED, key=f"map_highlighted_{workspace.fingerprint[:8]}",
            persist_state="session", placeholder="Choose classes",
        )
    )  # fmt: skip


def draw_map(
    workspace: state.Workspace,
    predictions: Predictions,
    choices: MapChoices,
    notes: Mapping[int, ImageNote],
    layer: str | None,
) -> None:
    """The map itself."""
    colours = filtered(
        colouring(predictions, choices.colour, choices.highlighted, notes),
        predictions,
        only_mistakes=choices.only_mistakes,
        class_name=choices.class_name,
    )
    scatter(
        revision=revision_of(workspace, layer),
        categories=colours.categories,
        entries=colours.entries,
        selection=selection_of(workspace),
        on_select=lambda selection: keep_selection(workspace, selection),
        on_open=lambda row: open_row(predictions, row),
        key=KEY,
    )


def say_how_faithful(found: EmbeddingMap, space: str) -> None:
    """How far the map can be trusted, being of a space."""
    with st.container(key="map_faithfulness"):
        if found.method == "none":
            st.caption("All images lie in one place: there is nothing in which they differ.")
        elif found.faithfulness is None:
            st.caption(f"{method_words(found)} With so few images there are no neighbours to compare.")
        else:
            st.caption(
                f"**How far to trust it.** {faithfulness_words(found.faithfulness, space)}",
                help=f"{method_words(found)} {figures_words(found.faithfulness)}",
            )


page()
