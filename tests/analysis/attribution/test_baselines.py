"""What an image is compared with."""

import pytest
import torch

from analysis.attribution.baselines import BASELINE, baseline, blurred
from analysis.attribution.records import Question
from models.preprocessing import normalized
from tests.models.calibrated import images, shared_network


@pytest.fixture
def question() -> Question:
    return Question(shared_network("shufflenet_v2_x0_5"), images("shufflenet_v2_x0_5"), (0,))


@pytest.mark.parametrize("kind", BASELINE.choices)
def test_a_baseline_has_the_form_of_the_input(question: Question, kind: str) -> None:
    made = baseline(question, kind)
    assert made.shape == question.inputs.shape and made.dtype == torch.float32
    assert made.data_ptr() != question.inputs.data_ptr() and not made.requires_grad


def test_black_and_grey_are_those_of_the_preprocessing(question: Question) -> None:
    black = normalized(torch.zeros(3, 96, 96), question.network.preprocessing)
    torch.testing.assert_close(baseline(question, "black")[0], black)
    assert not baseline(question, "grey").any()


def test_a_blurred_picture_keeps_its_colours_and_loses_its_shapes(question: Question) -> None:
    inputs = question.inputs
    made = baseline(question, "blurred")
    torch.testing.assert_close(made.mean((2, 3)), inputs.mean((2, 3)), rtol=0, atol=0.05)
    fine = made.diff(dim=-1).abs().mean() / inputs.diff(dim=-1).abs().mean()
    assert fine < 0.05


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 200)])
def test_pictures_of_any_size_are_blurred(size: tuple[int, int]) -> None:
    flat = torch.full((2, 3, *size), 0.7)
    torch.testing.assert_close(blurred(flat), flat)
