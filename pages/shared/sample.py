"""Where the sample data lies, one click away."""

from __future__ import annotations

from pathlib import Path

from models.evaluation import EvaluationSpec

_FOLDER = Path(__file__).resolve().parents[2] / "sample_data"


def sample_spec() -> EvaluationSpec:
    """The sample network on the sample's validation images."""
    return EvaluationSpec(
        checkpoint=str(_FOLDER / "shufflenet_v2_x0_5.pth"),
        images=str(_FOLDER / "pets" / "val"),
        groups=str(_FOLDER / "pets" / "groups.csv"),
    )
