"""What is about to be trained, what it takes, what it could show, and the button that starts it."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st

from analysis.number_words import percent
from analysis.power import TargetPower, target_power
from models.errors import ErrorscopeError
from models.finetune.cost import Estimate, TrainingCost, estimated
from models.finetune.recipe import KINDS, Recipe
from models.finetune.spec import FinetuneSpec
from models.norm_statistics import NormStatistics
from models.prediction_record import Predictions
from pages.improve import finetune_cached
from pages.improve.finetune_images import ImagesOfTraining
from pages.improve.finetune_start import Start
from pages.improve.finetune_target import Aim
from pages.improve.job_shown import augmentation_words
from pages.improve.job_words import TRAINING
from pages.shared import state
from pages.shared.job_panel import duration_words
from pages.shared.state import Workspace, escaped

AUGMENTING = 1.5
"""How many times as long it takes to prepare an augmented image."""


@dataclass(frozen=True)
class Asked:
    """All that a person chose.

    Args:
        workspace: what is open.
        predictions: its predictions.
        aim: what is to be mended.
        images: what is learnt from.
        start: the network it starts from.
        spec: as the job takes it.
        problem: why it cannot be started; "" where it can.
    """

    workspace: Workspace
    predictions: Predictions
    aim: Aim
    images: ImagesOfTraining
    start: Start
    spec: FinetuneSpec
    problem: str


def training_name(kind: str, aim: Aim, start: Start) -> str:
    """What a training is called in lists, and the version that comes of it.

    Args:
        kind: of the recipe, a key of ``KINDS``.
        aim: what is to be mended.
        start: the network it starts from; it is named unless it is the open one.
    """
    label = KINDS[kind].label
    words = f"{label}: {aim.words}" if aim.target is not None else f"{label}, untargeted"
    return words if start.is_open or kind == "scratch" else f"{words}, from {start.words}"


def summary(asked: Asked) -> None:
    """Draw what will run, with the button; what it takes is filled in last, as the network must be opened for it."""
    st.markdown("##### What will run")
    rows = st.empty()
    rows.html(_rows(asked, None))  # before the network is opened for the rest
    with st.container():  # what comes and goes in it leaves the button in its place
        _power(asked)
        note = st.empty()
    st.button(
        "Start fine-tuning", key="finetune_start", type="primary", icon=":material/play_arrow:", width="stretch",
        disabled=bool(asked.problem), on_click=start, args=(asked.spec,),
    )  # fmt: skip
    if asked.problem:
        st.caption(escaped(asked.problem))
    cost = _cost(asked)
    if cost is not None:
        rows.html(_rows(asked, cost))
        words = norms_words(asked.spec.recipe, cost.norms)
        if words:
            note.warning(words, icon=":material/warning:")


@state.explained
def start(spec: FinetuneSpec) -> None:
    """Submit the job, and show it on this page; for the button."""
    st.session_state["finetune_job"] = state.running_jobs().submit(TRAINING, spec.to_json(), title=spec.name)


def _cost(asked: Asked) -> TrainingCost | None:
    if not _can_be_tried(asked):
        return None
    try:
        return finetune_cached.cost(asked.spec)
    except ErrorscopeError as error:
        state.explain(error)
        return None


def _can_be_tried(asked: Asked) -> bool:
    return not asked.start.problem_of(asked.spec.recipe.kind) and asked.images.n > 0


def _rows(asked: Asked, cost: TrainingCost | None) -> str:
    """The choices as a list of terms."""
    spec, aim = asked.spec, asked.aim
    unknown = "…" if _can_be_tried(asked) else "–"
    rows = {
        "Mend": aim.words if spec.target is not None else "nothing in particular",
        "Start from": asked.start.words or "–",
        "Learn from": f"{asked.images.words}, {asked.images.n:,} images" if asked.images.n else "–",
        "Recipe": recipe_words(spec.recipe),
        "Weights": unknown,
        "Augmentation": augmentation_words(spec),
        "Takes": unknown,
    }
    if cost is not None:
        rows["Weights"] = weights_words(cost)
        rows["Takes"] = estimate_words(_estimate(asked, cost), spec.recipe)
    return _listed(rows)


def _listed(rows: Mapping[str, str]) -> str:
    terms = "".join(
        f"<span>{html.escape(term)}</span><span>{html.escape(words)}</span>" for term, words in rows.items()
    )
    return f'<div class="finetune-summary">{terms}</div>'


def recipe_words(recipe: Recipe) -> str:
    """The kind of a recipe and its main settings, in a line.

    >>> recipe_words(Recipe("last_block", epochs=15, learning_rate=0.001, batch_size=32))
    'Last block, 15 epochs in batches of 32, learning rate .001'
    """
    rate = f"{recipe.learning_rate:g}".removeprefix("0")
    epochs = "1 epoch" if recipe.epochs == 1 else f"{recipe.epochs:,} epochs"
    return f"{KINDS[recipe.kind].label}, {epochs} in batches of {recipe.batch_size:,}, learning rate {rate}"


def weights_words(cost: TrainingCost) -> str:
    """How many weights learn, and where they are."""
    share = percent(cost.n_trained / cost.n_weights)
    if cost.n_trained == cost.n_weights:
        return f"all {cost.n_weights:,} learn"
    where = " and ".join(
        filter(None, [", ".join(cost.stages[:-1]), "the new head" if cost.has_new_head else "the head"])
    )
    return f"{cost.n_trained:,} of {cost.n_weights:,} learn ({share}): {where}"


def norms_words(recipe: Recipe, norms: NormStatistics) -> str:
    """Why the batch-norm statistics should not follow the batches; "" where they may, or do not.

    Args:
        recipe: how to train.
        norms: of the layers that learn.
    """
    if not recipe.throws_off(norms):
        return ""
    return (
        "The batch norms of this network were folded into its convolutions, so statistics that follow the batches throw it "
        "off at once: let Batch-norm statistics, among All settings, be “Stay as they are”."
    )


def _estimate(asked: Asked, cost: TrainingCost) -> Estimate:
    predictions, augments = asked.predictions, bool(asked.spec.augmentation)
    decode = predictions.seconds.get("decoding", 0.0) / max(1, len(predictions))
    return estimated(
        cost, asked.spec.recipe, n_train=asked.images.n, n_validation=asked.images.n_validation, is_augmented=augments,
        seconds_to_decode=decode * (AUGMENTING if augments else 1),
    )  # fmt: skip


def estimate_words(estimate: Estimate, recipe: Recipe) -> str:
    """What a training takes, in a line."""
    early = "at most " if recipe.patience is not None else ""
    words = f"{early}about {duration_words(estimate.seconds)}, {size_words(estimate.bytes_memory)} of memory"
    return (
        f"{words}, {size_words(estimate.bytes_kept)} on disk for features" if estimate.bytes_kept else words
    )


def size_words(n_bytes: float) -> str:
    """A size in two or three digits.

    >>> size_words(1234), size_words(56_700_000), size_words(3.21e9)
    ('1 kB', '57 MB', '3.2 GB')
    """
    if n_bytes < 1e6:
        return f"{max(1, round(n_bytes / 1e3))} kB"
    return f"{n_bytes / 1e6:.0f} MB" if n_bytes < 1e9 else f"{n_bytes / 1e9:.1f} GB"


@st.cache_resource(max_entries=64, show_spinner=False)
def _known_power(fingerprint: str, target: str, _asked: Asked) -> TargetPower:
    assert _asked.spec.target is not None
    return target_power(_asked.predictions, _asked.spec.target, ~finetune_cached.choosing(fingerprint))


def _power(asked: Asked) -> None:
    """Whether the held-out images could show that it helped: said before the run, not after."""
    target = asked.spec.target
    if target is None:
        return
    power = _known_power(asked.workspace.fingerprint, repr((target.cells, target.images)), asked)
    if not target.cells and power.n_mistakes:
        st.info(chosen_words(power.n_mistakes), icon=":material/scale:")
        return
    if power.share_needed is None:
        st.warning(power_words(power), icon=":material/scale:")
    else:
        st.info(power_words(power), icon=":material/scale:")
    if target.chosen_on == "all" and power.n_mistakes:
        st.caption(
            "You chose this on all images, the held-out ones among them: some of its mistakes would vanish by luck alone. "
            "The control, the same training without the target, tells the two apart; the comparison offers it."
        )


def chosen_words(n_held_out: int) -> str:
    """What the held-out half could show of images that were chosen one by one, for being wrong."""
    held = "1 of these mistakes is" if n_held_out == 1 else f"{n_held_out:,} of these mistakes are"
    return (
        f"{held} held out. They were chosen for being wrong, so any training leaves fewer of them: only the control, the "
        "same training without the target, can show that the target did it; the comparison offers it."
    )


def power_words(power: TargetPower) -> str:
    """What the held-out half could show, in a sentence."""
    n = power.n_mistakes
    held = "1 of these mistakes is held out" if n == 1 else f"{n:,} of these mistakes are held out"
    if not n:
        return "None of these mistakes is held out: the comparison can say what else changed, but nothing of this target."
    if power.share_needed is None:
        chance = power.power_if_all_fixed
        shown = (
            "could not show it"
            if chance < 0.005
            else f"would show it with a chance of {percent(chance)} only"
        )
        return f"Only {held}. Even if all were mended, the comparison {shown}: read its galleries, not its p-value."
    wanted = int(np.ceil(power.share_needed * n))
    return f"{held[0].upper()}{held[1:]}. About {wanted:,} of them must be mended to show an effect four times in five."
