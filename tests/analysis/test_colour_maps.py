"""The small tables against matplotlib's whole ones."""

import matplotlib
import numpy as np
import pytest

from analysis.colour_maps import COLOUR_MAPS, DIVERGING_COLOUR_MAP, colours


@pytest.mark.parametrize("name", [*COLOUR_MAPS, DIVERGING_COLOUR_MAP])
def test_colours_are_those_of_matplotlib(name: str) -> None:
    values = np.linspace(0, 1, 256)
    theirs = matplotlib.colormaps["RdBu_r" if name == DIVERGING_COLOUR_MAP else name](values)[:, :3] * 255
    assert np.abs(colours(values, name) - theirs).max() < 7


@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_more_is_always_lighter(name: str) -> None:
    """So that the order survives colour-blindness and a black and white printer."""
    lightness = colours(np.linspace(0, 1, 256), name) @ np.array([0.2126, 0.7152, 0.0722])
    assert np.diff(lightness).min() > -0.8
    assert lightness[-1] - lightness[0] > 100


def test_what_lies_outside_takes_the_end() -> None:
    assert (
        colours(np.array([-5.0, 5.0]), "inferno").tolist()
        == colours(np.array([0.0, 1.0]), "inferno").tolist()
    )


def test_an_unknown_colour_map_is_a_mistake_in_the_program() -> None:
    with pytest.raises(KeyError):
        colours(np.zeros(3), "jet")
