"""The edits of a causal test and what the network says to them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from analysis.attribution.gradients import logits
from analysis.attribution.trial_inputs import device_of
from analysis.causal_begun import Begun
from analysis.causal_controls import CONTROLS, control_images, control_regions
from analysis.causal_test import CausalTest, Control, ControlEffect, Edit, ImageEffect
from analysis.cell_record import CellMaps
from analysis.map_groups import spread
from analysis.map_places import placed, seen_shares, strongest_images, target_class
from analysis.map_regions import Region
from analysis.picture_edits import covered, pasted
from models.decoding import decoded
from models.errors import ImagesError
from models.image_input import draft_size
from models.network import Network
from models.predictions import Predictions
from models.preprocessing import network_input
from models.progress import Progress

MOST_IMAGES = 48
PICTURES_KEPT = 8
"""Of those that were decoded: all that an image takes, and some of those before it."""
PHASES = {"cover": "Covering", "paste": "Pasting"}


@dataclass(frozen=True)
class _Trial:
    """One image to edit.

    Args:
        image: its row number in the predictions.
        source: of the image to paste from; -1 where the place is covered.
        controls: image and place to paste from, or -1 and the place to cover.
    """

    image: int
    source: int
    controls: tuple[tuple[int, Region], ...]


def causal_test(
    network: Network,
    predictions: Predictions,
    maps: CellMaps,
    region: Region,
    edit: Edit,
    *,
    begun: Begun | None = None,
) -> Generator[Progress, None, CausalTest]:
    """Cover a place on a cell's images, or paste it from them on images of other classes.

    Covering is held against covering other places of the same size on the same image, pasting against
    pasting the same place of images of yet other classes. Where there are too few of those, as in a set of
    two classes, it is held against pasting other places of the image that the place is taken from.

    Args:
        network: the network that made the predictions.
        predictions: of all images.
        maps: of the cell; they say in which images the place holds most evidence, to paste from.
        region: the place, as shares of what the network sees.
        edit: "cover" or "paste".
        begun: what is known of the very same test; it grows with every image.

    Yields:
        Progress in images.

    Returns:
        The result. Images that cannot be read take no part.
    """
    begun = begun or Begun()
    target = target_class(predictions, maps.groups.cell)
    laboratory = _Laboratory(network, predictions, target, region)
    plan = _covers if edit == "cover" else _pastes
    trials, control = plan(predictions, maps, region, target)
    for trial in trials[begun.done :]:
        yield Progress(PHASES[edit], begun.done, len(trials))
        # an image that cannot be read takes no part
        with suppress(ImagesError):
            effect = laboratory.effect(trial)
            if (effect.before == target) == (edit == "cover"):
                begun.effects.append(effect)
        begun.done += 1
    yield Progress(PHASES[edit], len(trials), len(trials))
    name = predictions.class_names[target] if target >= 0 else ""
    return CausalTest(edit, region, target, name, control, tuple(begun.effects))


def _covers(
    predictions: Predictions, maps: CellMaps, region: Region, target: int
) -> tuple[list[_Trial], Control]:
    """Each image of the cell that is called its class, with other places on itself."""
    cell = maps.groups.cell
    images = spread(cell[predictions.predicted[cell] == target], MOST_IMAGES)
    trials = [
        _Trial(image, -1, tuple((-1, place) for place in control_regions(region, CONTROLS, [0, image])))
        for image in images.tolist()
    ]
    return trials, "other places"


def _pastes(
    predictions: Predictions, maps: CellMaps, region: Region, target: int
) -> tuple[list[_Trial], Control]:
    """Each image of another class, with what to paste on it, and what that is held against."""
    others, sources = maps.groups.others, strongest_images(maps, predictions, region)
    # those of the class itself are neither turned into it nor controls; a row of mistakes has such images
    images = spread(others[predictions.labels[others] != target], MOST_IMAGES)
    if not len(sources):
        return [], "other places"
    # as many donors to a source as controls to an image, so that each piece is tried equally often
    n_sources = min(len(sources), max(1, len(images) // CONTROLS))
    chosen = control_images(predictions.labels[images], CONTROLS * n_sources)
    trials = []
    for place, image in enumerate(images.tolist()):
        if chosen is None:
            source = int(sources[place % len(sources)])
            # the same places on all images, so that each is a piece just as the place in question is
            places = control_regions(region, CONTROLS, [0, source])
            trials.append(_Trial(image, source, tuple((source, each) for each in places)))
        else:
            donors = images[chosen[place]].tolist()
            source = int(sources[place % n_sources])
            trials.append(_Trial(image, source, tuple((donor, region) for donor in donors)))
    return trials, "other places" if chosen is None else "other images"


class _Laboratory:
    """Edits single images and asks the network about them.

    Args:
        network: which is only run forward, so it stays as it is.
        predictions: of all images.
        target: index of the class in question.
        region: the place in question.
    """

    def __init__(self, network: Network, predictions: Predictions, target: int, region: Region) -> None:
        self._network = network
        self._predictions = predictions
        self._target = target
        self._region = region
        # Edits leave the picture as it is, and a source is pasted from again and again.
        self._picture = lru_cache(PICTURES_KEPT)(self._decoded)

    def effect(self, trial: _Trial) -> ImageEffect:
        """What the edit and its controls do to one image.

        Raises:
            ImagesError: the image, its source, or all of its controls cannot be read.
        """
        picture = self._picture(trial.image)
        edited = self._edited(picture, trial.source, self._region)
        pieces, controls = [], []
        for source, place in trial.controls:
            # a control that cannot be made does not count; the others do
            with suppress(ImagesError):
                controls.append(self._edited(picture, source, place))
                pieces.append(trial.image if source < 0 else source)
        if not controls:
            raise ImagesError("None of the controls of this image can be made.")
        return self._described(trial, pieces, [picture, edited, *controls])

    def _edited(self, picture: Image.Image, source: int, place: Region) -> Image.Image:
        """With a place covered, or with a place of the source pasted where the place in question is."""
        if source < 0:
            # The mean colour of the picture: a blur would leave the colour of a mark where it is.
            return covered(picture, self._placed(place, picture), fill="mean")
        donor = self._picture(source)
        return pasted(picture, self._placed(self._region, picture), donor, self._placed(place, donor))

    def _decoded(self, image: int) -> Image.Image:
        path = self._predictions.absolute(self._predictions.images["path"].iloc[image])
        return decoded(path, at_least=draft_size(self._network.preprocessing))

    def _placed(self, region: Region, picture: Image.Image) -> Region:
        return placed(region, seen_shares(self._network.preprocessing, picture.size))

    def _described(
        self, trial: _Trial, pieces: Sequence[int], pictures: Sequence[Image.Image]
    ) -> ImageEffect:
        """From the picture as it is, with the edit, and with each control, whose pieces are given."""
        probabilities = self._probabilities(pictures)
        called = probabilities.argmax(axis=1)
        of_class = probabilities[:, self._target].tolist()
        # "cover" starts from images of the class, "paste" from images of others
        changes = ((called == self._target) == (trial.source >= 0)).tolist()
        controls = map(ControlEffect, pieces, changes[2:], of_class[2:])
        return ImageEffect(
            trial.image, trial.source, int(called[0]), int(called[1]), of_class[0], of_class[1],
            tuple(controls),
        )  # fmt: skip

    def _probabilities(self, pictures: Sequence[Image.Image]) -> npt.NDArray[np.float64]:
        """(B, C)"""
        network = self._network
        inputs = [network_input(each, network.preprocessing) for each in pictures]
        # a program may be fixed to batches of one
        batches = [torch.stack(inputs)] if network.kind == "state_dict" else [each[None] for each in inputs]
        with torch.inference_mode():
            answers = [logits(network.module, each.to(device_of(network)), network) for each in batches]
            # on the CPU first: not every device has double precision
            found: npt.NDArray[np.float64] = torch.cat(answers).cpu().double().softmax(1).numpy()
        return found
