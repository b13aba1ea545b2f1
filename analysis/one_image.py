"""What a network says of one picture file that belongs to no evaluation: an uploaded one, an edited one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from analysis.attribution.trial_inputs import device_of
from models.forward import logits_and_embeddings
from models.image_input import image_input
from models.network import Network


def class_probabilities(network: Network, path: Path) -> npt.NDArray[np.float32]:
    """The probability of each class.

    Args:
        network: any.
        path: the picture's file; it takes the same way into the network as when an evaluation predicts.

    Returns:
        (C,) float32, in the order of the class names; they sum to 1.

    Raises:
        ImagesError: the file cannot be read.
        PredictionsError: the network cannot take it, or its answer is not finite.
    """
    inputs = image_input(path, network.preprocessing)[None].to(device_of(network))
    with torch.inference_mode():
        logits, _ = logits_and_embeddings(network, inputs)
        probabilities: npt.NDArray[np.float32] = torch.softmax(logits[0].cpu().double(), 0).float().numpy()
    return probabilities
