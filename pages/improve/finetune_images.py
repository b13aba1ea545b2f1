"""Which images a training learns from, and which test it at the end."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import streamlit as st

from models.errors import ErrorscopeError
from models.finetune.spec import TrainingImages
from models.prediction_record import Predictions
from pages.improve import finetune_cached
from pages.improve.finetune_cached import Listed
from pages.open.given_file import typed_path
from pages.shared import state
from pages.shared.state import Workspace, escaped

FOUND, OTHER, HALF = "found", "other", "half"
NO_TEST, FOUND_TEST, OTHER_TEST = "none", "found", "other"
_MOST_NAMED = 4


@dataclass(frozen=True)
class ImagesOfTraining:
    """The images that were chosen.

    Args:
        images: as the job takes them.
        n: training images, copies of validation images among them, which will be left out; 0 with a problem.
        n_validation: images that choose the best epoch.
        words: what a person calls them.
        problem: why they will not do; "" where they will.
    """

    images: TrainingImages
    n: int
    n_validation: int
    words: str
    problem: str = ""


def chosen_images(workspace: Workspace, predictions: Predictions) -> ImagesOfTraining:
    """Ask for the training and test images; at first those that lie beside the open ones."""
    found = finetune_cached.suggestion(workspace.fingerprint, workspace.spec) or TrainingImages()
    training = _training(workspace, predictions, found)
    test_path, test_split = _test(found)
    return replace(training, images=replace(training.images, test_path=test_path, test_split=test_split))


def place_words(path: str, split: str | None) -> str:
    """The last two folders of a path, and the split.

    >>> place_words("/data/pets/train", None), place_words("/data/pets.csv", "train")
    ('pets/train', 'data/pets.csv (train)')
    """
    return "/".join(path.replace("\\", "/").rstrip("/").split("/")[-2:]) + (f" ({split})" if split else "")


def _training(workspace: Workspace, predictions: Predictions, found: TrainingImages) -> ImagesOfTraining:
    half = finetune_cached.choosing(workspace.fingerprint)
    n_half = int(half.sum())
    words = {OTHER: "Another folder or table", HALF: f"None: train on half of the open images ({n_half:,})"}
    if found.path is not None:
        words = {
            FOUND: f"{escaped(place_words(found.path, found.split))}, found beside the open images",
            **words,
        }
    else:
        st.markdown(
            f"No training images lie beside {escaped(state.images_words(workspace.spec))}. Name a folder of class folders, or a "
            "table; or let one half of the open images be trained on, and the other held out for the comparison."
        )
    usual = FOUND if found.path is not None else HALF
    key = f"finetune_images_{workspace.fingerprint[:8]}"
    way = st.radio(
        "Training images", list(words), index=list(words).index(usual), format_func=words.__getitem__, key=key,
        persist_state="session", label_visibility="collapsed",
    )  # fmt: skip
    if way == HALF:
        n, n_judging = round(0.8 * n_half), len(half) - n_half
        # a fifth of the half chooses the best epoch
        st.caption(
            f"About {n:,} images are learnt from, {n_half - n:,} choose the best epoch, {n_judging:,} judge."
        )
        words_of_half = f"half of {state.images_words(workspace.spec)}"
        return ImagesOfTraining(TrainingImages(), n, n_half - n, words_of_half)
    path, split = (found.path, found.split) if way == FOUND else _asked_place("finetune_training")
    if not path:
        return ImagesOfTraining(TrainingImages(), 0, n_half, "", "Name the training images.")
    chosen = ImagesOfTraining(TrainingImages(path, split), 0, n_half, place_words(path, split))
    try:
        listed = finetune_cached.listed(path, split)
    except ErrorscopeError as error:
        state.explain(error)
        return replace(chosen, problem="These training images cannot be opened.")
    _say(listed, predictions.class_names)
    return replace(chosen, n=listed.n)


def _say(listed: Listed, class_names: Collection[str]) -> None:
    """Say what is in the training images, and what is not."""
    counts = [listed.per_class.get(name, 0) for name in class_names]
    fewest, most = min(counts), max(counts)
    each = f"{most:,}" if fewest == most else f"{fewest:,} to {most:,}"
    st.caption(f"{listed.n:,} images, {each} a class.")
    unknown = sorted(set(listed.per_class) - set(class_names))
    if unknown:
        st.warning(
            f"{_names(unknown)}: no class of the open model. The network gets a new head, which knows them too.",
            icon=":material/warning:",
        )
    missing = [name for name in class_names if not listed.per_class.get(name)]
    if missing:
        st.warning(
            f"No training image of {_names(missing)}: a network that learns from these may forget them.",
            icon=":material/warning:",
        )


def _names(names: list[str]) -> str:
    shown = ", ".join(escaped(name) for name in names[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else f"{shown} and {len(names) - _MOST_NAMED:,} more"


def _test(found: TrainingImages) -> tuple[str | None, str | None]:
    words = {NO_TEST: "No test images", OTHER_TEST: "A folder or table"}
    usual = NO_TEST
    if found.test_path is not None:
        words = {FOUND_TEST: escaped(place_words(found.test_path, found.test_split)), **words}
        usual = FOUND_TEST
    suggested = "none" if usual == NO_TEST else f"{words[usual]}, evaluated once, at the end"
    with st.expander(f"Test images: {suggested}"):
        st.caption(
            "What was used for no choice at all: neither for the target, nor for the best epoch, nor to compare."
        )
        way = st.radio(
            "Test images", list(words), format_func=words.__getitem__, key=f"finetune_test_{usual}", persist_state="session",
            label_visibility="collapsed",
        )  # fmt: skip
        if way == FOUND_TEST:
            return found.test_path, found.test_split
        return (None, None) if way == NO_TEST else _asked_place("finetune_test")


def _asked_place(key: str) -> tuple[str | None, str | None]:
    """A folder or table that a person names, and the split of it."""
    path = typed_path(
        st.text_input("Folder or table", key=f"{key}_path", placeholder="/path/on/this/machine", persist_state="session")
    )  # fmt: skip
    if not path:
        return None, None
    try:
        splits = finetune_cached.listed(path, None).splits
    except ErrorscopeError as error:
        state.explain(error)
        return None, None
    split = st.selectbox("Split", splits, index=_train_place(splits), key=f"{key}_split") if splits else None
    return path, split


def _train_place(splits: tuple[str, ...]) -> int:
    return splits.index("train") if "train" in splits else 0
