"""What the map page says in words."""

from __future__ import annotations

from analysis.embedding_faithfulness import MapFaithfulness, PointPlace
from analysis.embedding_map import EmbeddingMap
from analysis.embedding_selection import MapSelection
from analysis.number_words import percent

_METHODS = {"localmap": "LocalMAP", "t-sne": "t-SNE", "pca": "the two main directions (PCA)"}
_REASONS = {
    "few": "There are too few different images for more than that.",
    "missing": "pacmap, which draws better maps, cannot be loaded here.",
    "failed": "pacmap, which draws better maps, failed on these images.",
}

LAYER = "layer"
"""In place of the space, where a map is drawn from one layer's vectors."""


def space_words(found: EmbeddingMap) -> str:
    """What the places mean, in one sentence."""
    if found.space == "embeddings":
        return "Images that the network sees as alike (by their embeddings) lie close together."
    return (
        "There are no embeddings here, so this is a map of the predicted probabilities: images with similar "
        "probabilities lie close together. It shows what the network answered, not what it saw."
    )


def method_words(found: EmbeddingMap) -> str:
    """What drew the map, and why something simpler where it was not LocalMAP."""
    drawn = f"Drawn by {_METHODS[found.method]}."
    return f"{drawn} {_REASONS[found.reason]}" if found.reason in _REASONS else drawn


_BY = {"embeddings": "embedding", LAYER: "this layer's vectors"}


def faithfulness_words(measured: MapFaithfulness, space: str) -> str:
    """How far the map can be trusted, in plain words."""
    by = _BY.get(space, "probabilities")
    k, near = measured.n_neighbours, measured.n_near
    which = f"the {k} images nearest to an image on the map" if k > 1 else "the one image nearest to an image"
    if near == k:
        kept = f"{percent(measured.shared)} are also its {k} nearest by {by}"
    else:
        kept = f"{measured.shared_near:.0%} are among its {near} nearest by {by}, {measured.shared:.0%} among its {k} nearest"
    return f"Of {which}, {kept} (on a map drawn by lot {percent(measured.chance)}). {trust_words(measured)}"


def trust_words(measured: MapFaithfulness) -> str:
    """The verdict on a map, for a person."""
    if measured.trustworthiness >= 0.9:
        verdict = "So neighbours on the map mostly are alike"
    elif measured.trustworthiness >= 0.75:
        verdict = "So neighbours on the map are often alike, but not always: look at the images"
    else:
        verdict = "So neighbours on the map are often not alike: do not lean on it"
    return f"{verdict}. The distance between clusters, their size and their shape mean nothing."


def figures_words(measured: MapFaithfulness) -> str:
    """The figures for those who know them."""
    return (
        f"Trustworthiness {measured.trustworthiness:.3f}, continuity {measured.continuity:.3f} "
        f"(1 is perfect; {measured.n_neighbours} neighbours, {measured.n_sampled:,} images looked at)."
    )


def place_words(place: PointPlace, space: str) -> str:
    """How far the place of one image can be trusted."""
    k = len(place.on_map)
    by = _BY.get(space, "probabilities")
    words = f"{place.n_kept} of its {k} nearest on the map are among its {place.n_near} nearest by {by}"
    if 2 * place.n_kept >= k:
        return f"{words}: it lies among its like."
    return f"{words}: do not trust its place, it lies between."


def selection_words(selection: MapSelection) -> str:
    """How many images are selected, and how often they are wrong. "" where none is."""
    n = len(selection.rows)
    if n == 0:
        return ""
    words = (
        f"{n:,} image{'' if n == 1 else 's'}, {selection.n_wrong:,} wrong ({percent(selection.error_rate)})"
    )
    if selection.n_elsewhere:
        words += f" against {percent(selection.error_rate_elsewhere)} elsewhere"
    return words


def labels_words(selection: MapSelection) -> str:
    """Of which classes the selected images mostly are."""
    n = len(selection.rows)
    if selection.n_labels == 1:
        return f"all {selection.main_labels[0][0]}"
    if not selection.main_labels:
        return f"of {selection.n_labels} classes, none of them common"
    named = ", ".join(f"{name} ({count:,})" for name, count in selection.main_labels)
    more = selection.n_labels - len(selection.main_labels)
    if sum(count for _, count in selection.main_labels) == n:
        return named
    return f"mostly {named}, and {more} other class{'' if more == 1 else 'es'}"
