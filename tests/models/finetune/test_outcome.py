"""The metrics of a version, against a count by hand."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.finetune.outcome import judged, scores
from models.finetune.role_images import RoleImages
from models.finetune.same_files import place, rows_of
from models.finetune.training_images import Roles
from models.prediction_record import Predictions

ROOT = Path("/pictures/val")
PATHS = tuple(f"{name}.png" for name in "abcdef")


def predictions(
    labels: Sequence[int],
    predicted: Sequence[int],
    losses: Sequence[float],
    paths: Sequence[str] = PATHS,
    root: Path = ROOT,
) -> Predictions:
    images = pd.DataFrame(
        {
            "id": [f"{root.name}{number}" for number in range(len(paths))],
            "path": list(paths),
            "label_index": np.array(labels, np.int32),
            "predicted_index": np.array(predicted, np.int32),
            "loss": np.array(losses, np.float32),
        }
    )
    return Predictions("", ("x", "y", "z"), {}, images, root, None, None, None)


def roles(select: Sequence[str], report: Sequence[str]) -> Roles:
    made = {
        name: RoleImages(
            tuple(ROOT / path for path in paths), np.zeros(len(paths), np.int64), tuple(paths), tuple(paths)
        )
        for name, paths in (("train", ()), ("select", select), ("report", report), ("test", ()))
    }
    return Roles(**made, class_names=("x", "y", "z"), held_out=False)


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 2), st.integers(0, 2), st.floats(0, 9)),
        min_size=1,
        max_size=6,
    )
)
def test_scores_are_those_of_the_named_files(rows: list[tuple[bool, int, int, float]]) -> None:
    paths = PATHS[: len(rows)]
    chosen = [(label, found, loss) for is_chosen, label, found, loss in rows if is_chosen]
    files = [ROOT / path for path, row in zip(paths, rows, strict=True) if row[0]]
    made = predictions(*([row[column] for row in rows] for column in (1, 2, 3)), paths=paths)  # type: ignore[arg-type]
    result = scores(made, files)
    assert result["n"] == len(chosen)
    if chosen:
        assert result["accuracy"] == pytest.approx(
            sum(label == found for label, found, _ in chosen) / len(chosen)
        )
        assert result["loss"] == pytest.approx(sum(loss for *_, loss in chosen) / len(chosen), abs=1e-6)
    else:
        assert result["accuracy"] is result["loss"] is None


def test_without_probabilities_there_is_no_loss() -> None:
    assert scores(predictions([0], [0], [np.nan], PATHS[:1]), [ROOT / "a.png"]) == {
        "n": 1, "accuracy": 1.0, "loss": None,
    }  # fmt: skip


def test_only_what_both_have_seen_is_compared() -> None:
    """The baseline is a table in another folder, with other ids and in another order, and lacks one image."""
    before = predictions(
        [0, 0, 0, 1, 1], [0, 1, 1, 1, 0], [1.0] * 5,
        [f"../val/{name}.png" for name in "edcba"], Path("/pictures/tables"),
    )  # fmt: skip
    after = predictions([1, 1, 0, 0, 0, 0], [1, 1, 0, 2, 2, 2], [0.5] * 6)
    result = judged(before, after, roles(["a.png", "b.png"], ["c.png", "d.png", "e.png", "f.png"]))
    assert result == {
        "before": {
            "select": {"n": 2, "accuracy": 0.5, "loss": 1.0},
            "report": {"n": 3, "accuracy": pytest.approx(1 / 3), "loss": 1.0},
        },
        "select": {"n": 2, "accuracy": 1.0, "loss": 0.5},
        "report": {"n": 3, "accuracy": pytest.approx(1 / 3), "loss": 0.5},
    }


def test_files_are_the_same_whatever_leads_to_them() -> None:
    made = predictions([0] * 3, [0] * 3, [0.0] * 3, ["a.png", "../val/b.png", "/pictures/val/./c.png"])
    assert rows_of(made, [ROOT / "b.png", ROOT / "x" / ".." / "c.png"]).tolist() == [False, True, True]
    assert rows_of(made, []).tolist() == [False] * 3
    assert place(Path("/a/b/../c")) == "/a/c"
