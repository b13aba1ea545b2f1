"""What an image is compared with: the same picture without its evidence."""

from __future__ import annotations

import torch

from analysis.attribution.records import Option, Question

BLURRED, GREY, BLACK = "blurred", "grey", "black"
BASELINE = Option(
    "baseline",
    "Compared with",
    BLURRED,
    "What stands for an image without evidence: the picture strongly blurred, the mean colour of the "
    "training images, or black.",
    choices=(BLURRED, GREY, BLACK),
)
_SIDES_PER_DEVIATION = 12


def baseline(question: Question, kind: str) -> torch.Tensor:
    """The input to compare the image with.

    A blurred picture keeps the colours and stays near what the network knows; a constant one makes every
    place of the constant's own colour irrelevant, and with the mean colour (zero after normalising) all
    that a bias adds stays out of the comparison.

    Args:
        question: its image and its network's preprocessing.
        kind: one of ``BASELINE.choices``.

    Returns:
        (1, 3, H, W), normalised, on the image's device.

    Source:
        Sturmfels, Lundberg, Lee, Visualizing the Impact of Feature Attribution Baselines, Distill 2020.
    """
    inputs = question.inputs
    if kind == GREY:
        return torch.zeros_like(inputs)
    if kind == BLACK:
        preprocessing = question.network.preprocessing
        mean, deviation = (inputs.new_tensor(each) for each in (preprocessing.mean, preprocessing.std))
        return (-mean / deviation)[None, :, None, None].expand_as(inputs).clone()
    return blurred(inputs)


def blurred(inputs: torch.Tensor) -> torch.Tensor:
    """Images blurred until shapes are gone: by a Gaussian of a twelfth of the shorter side.

    Args:
        inputs: (B, 3, H, W).
    """
    # Imported here: a page that opens must not wait for scipy.
    from scipy.ndimage import gaussian_filter

    deviation = max(min(inputs.shape[-2:]) / _SIDES_PER_DEVIATION, 0.5)
    smooth = gaussian_filter(inputs.detach().cpu().numpy(), deviation, axes=(-2, -1), truncate=3.0)
    return torch.from_numpy(smooth).to(inputs.device)
