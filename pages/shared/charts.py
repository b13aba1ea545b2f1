"""Charts in the app's own two-sided palette: calm for right, warm for wrong (told apart in any colour vision)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.histogram import confidence_histogram

RIGHT_COLOUR = "#3b8ea5"
WRONG_COLOUR = "#d1603d"
BINS = 20


def confidence_chart(confidence: npt.NDArray[np.floating[Any]], right: npt.NDArray[np.bool_]) -> Any:
    """A histogram of the confidence of right and of wrong predictions, as a plotly figure.

    Args:
        confidence: (N,) probability of the predicted class, 0 to 1.
        right: (N,) whether the prediction is the label.
    """
    # Imported here: plotly takes half a second, and the matrix page does not need it.
    import plotly.graph_objects as go

    histogram = confidence_histogram(confidence, right, bins=BINS)
    centres = (histogram.edges[:-1] + histogram.edges[1:]) / 2
    figure = go.Figure()
    for name, counts, colour in (
        ("right", histogram.right, RIGHT_COLOUR),
        ("wrong", histogram.wrong, WRONG_COLOUR),
    ):
        figure.add_bar(
            x=centres, y=counts, name=name, marker_color=colour,
            hovertemplate="%{y} " + name + " with confidence around %{x:.0%}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(
        barmode="stack", bargap=0.06, height=300, margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "y": 1.12, "x": 0},
        xaxis={"title": "confidence of the prediction", "tickformat": ".0%"}, yaxis={"title": "images"},
    )  # fmt: skip
    return figure
