"""Does a method's map depend on what the network has learned? The check with random weights."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from PIL import Image

from analysis.attribution import METHODS, attribute
from analysis.attribution.agreement import rank_correlation
from analysis.attribution.asking import asked
from analysis.attribution.cell_grid import cell_evidence
from analysis.attribution.gradients import gradients_on
from analysis.attribution.random_weights import randomised
from analysis.attribution.records import Attribution, OptionValue, Target
from models.devices import is_out_of_memory
from models.errors import AttributionError
from models.network import Network
from models.progress import Progress

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
DRAWS = 5
# Measured on the sample network and a fine-tuned MobileNet: Grad-CAM, HiRes-CAM, the gradient, Integrated
# Gradients and Occlusion keep 0.0 to 0.15 on average (up to 0.3 on single images: a map of 5 x 5 places
# agrees by chance now and then); Saliency, SmoothGrad and Deconvolution 0.2 to 0.5; Grad-CAM++, Layer-CAM
# and Guided Backprop 0.5 to 0.7. Pixel by pixel the same order comes out, less clearly: 0.28 for the last.
SIMILAR, ALIKE = 0.3, 0.5
PHASE = "Asking networks with random weights"
Dependence = Literal["wholly", "partly", "hardly"]


@dataclass(frozen=True)
class Randomisation:
    """How like its map a method's maps stay while the network unlearns.

    Args:
        shares: (S,) of the layers unlearned, counted from the answer; the first is the last layer alone,
            the last is 1, the whole network.
        similarities: (S, D) rank correlation with the map of the learned network, one per draw of weights;
            a stage may have fewer draws than another. 0 where the random network gives a blank map, or
            none.
    """

    shares: tuple[float, ...]
    similarities: tuple[tuple[float, ...], ...]

    @property
    def means(self) -> tuple[float, ...]:
        """(S,) the mean similarity of each stage."""
        return tuple(float(np.mean(each)) for each in self.similarities)

    @property
    def remaining(self) -> float:
        """The mean similarity once nothing learned is left."""
        return self.means[-1]

    @property
    def dependence(self) -> Dependence:
        """How far the map depends on what the network has learned."""
        if self.remaining <= SIMILAR:
            return "wholly"
        return "partly" if self.remaining <= ALIKE else "hardly"


def randomisation(
    network: Network,
    image: Image.Image | torch.Tensor,
    found: Attribution,
    *,
    shares: tuple[float, ...] = SHARES,
    draws: int = DRAWS,
    seed: int = 0,
) -> Generator[Progress, None, Randomisation]:
    """Unlearn a network from its answer downwards and watch whether a method's map changes.

    A map that stays as it was cannot tell what the network has learned; edges of the picture can look like
    an explanation. Compared is the positive evidence of 14 x 14 squares (`cell_grid.cell_evidence`) by rank
    correlation. The last stage, where everything is unlearned, is drawn several times, since one random
    network may agree by chance; the stages before it once. The network itself is left alone; closing the
    generator stops between two maps.

    Args:
        network: the network that was explained; no program.
        image: the picture, or the network's input.
        found: the map to check, with its method, target and options.
        shares: what share of the layers is unlearned at each stage, rising.
        draws: how many random networks at the last stage.
        seed: of the first draw.

    Yields:
        Progress in maps.

    Returns:
        The similarity at each stage.

    Raises:
        AttributionError: the network is a program, or the map is blank or the same everywhere.

    Source:
        Adebayo et al., Sanity Checks for Saliency Maps, NeurIPS 2018, section 3.
    """
    learned = cell_evidence(found.relevance)
    if np.ptp(learned) == 0:
        raise AttributionError(
            f"The map of {METHODS[found.method].label} shows no positive evidence, so nothing can be compared.",
            next_step="Choose another class or method.",
        )
    inputs = asked(network, image, [found.target]).inputs
    options = _same_layer(found)
    total, similarities = n_maps(len(shares), draws), list[tuple[float, ...]]()
    yield Progress(PHASE, 0, total, "maps")
    done = 0
    for share in shares:
        stage: tuple[float, ...] = ()
        for draw in range(draws if share == shares[-1] else 1):
            # Weights made in a caller's inference mode would let no gradient through, and look like a verdict.
            with gradients_on():
                unlearned = randomised(network, share, inputs, seed + draw)
            stage = (*stage, _similarity(unlearned, inputs, found, options, learned))
            done += 1
            yield Progress(PHASE, done, total, "maps")
        similarities.append(stage)
    return Randomisation(shares, tuple(similarities))


def n_maps(n_shares: int = len(SHARES), draws: int = DRAWS) -> int:
    """How many maps the check computes, for the estimate before a run.

    >>> n_maps()
    9
    """
    return n_shares - 1 + draws


def _same_layer(found: Attribution) -> dict[str, OptionValue]:
    """The options of the map, with the layer it was read from where that was found by itself."""
    named = any(option.name == "layer" for option in METHODS[found.method].options)
    return {**found.options, "layer": found.layer} if named and found.layer else dict(found.options)


def _similarity(
    network: Network,
    inputs: torch.Tensor,
    found: Attribution,
    options: Mapping[str, OptionValue],
    learned: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> float:
    target: Target = found.target
    try:
        relevance = attribute(network, inputs, target, found.method, **options).relevance
    except AttributionError as error:
        if is_out_of_memory(error.__cause__):
            raise
        # It could explain the learned network, so it is the random weights that leave nothing to explain
        # (no gradient reaches the layer, say): no map, nothing alike.
        return 0.0
    similarity = rank_correlation(learned, cell_evidence(relevance))
    return 0.0 if np.isnan(similarity) else similarity
