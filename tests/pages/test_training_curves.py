"""The curves of a training, and the diary they are drawn from."""

from typing import Any

import pytest

from pages.improve.job_diary import told
from pages.improve.training_curves import best_row, best_words, curve_chart

LOSSES = (0.9, 0.6, 0.7, 0.5, 0.55)


def row(epoch: int, loss: float | None, phase: str = "Last block") -> dict[str, Any]:
    return {
        "phase": phase, "epoch": epoch, "train_loss": 0.8 / epoch, "train_accuracy": 1 - 0.3 / epoch, "validation_loss": loss,
        "validation_accuracy": None if loss is None else 1 - loss / 2, "learning_rate": 0.01, "images_per_second": 90.0,
        "seconds": 3.0,
    }  # fmt: skip


ROWS = [row(i, loss, "Head" if i < 3 else "Last block") for i, loss in enumerate(LOSSES, start=1)]


def step(epoch: int, batch: int, loss: float = 0.5) -> dict[str, Any]:
    return {"event": "step", "time": 0.0, "phase": "Head", "epoch": epoch, "batch": batch, "loss": loss, "accuracy": 0.7,
            "learning_rate": 0.01, "images_per_second": 50.0}  # fmt: skip


def test_the_kept_epoch_is_that_of_the_lowest_validation_loss_of_all_phases() -> None:
    assert best_row(ROWS) == 3
    assert best_row([*ROWS, row(6, 0.5)]) == 3  # the earlier of two
    assert best_row([*ROWS[:2], row(3, float("nan")), row(4, None)]) == 1
    assert best_row([]) is None and best_words([]) == ""
    assert best_words(ROWS).startswith("The best epoch is number 4 (Last block)")


def test_the_chart_shows_both_lines_the_best_epoch_and_where_a_phase_begins() -> None:
    figure = curve_chart(ROWS, "loss", hover=".3~f", ticks=".2~f")
    lines = {trace.name: trace for trace in figure.data}
    assert list(lines["validation"].y) == list(LOSSES) and list(lines["validation"].x) == [1, 2, 3, 4, 5]
    assert list(lines["training"].y) == [row["train_loss"] for row in ROWS]
    assert (list(lines["best epoch"].x), list(lines["best epoch"].y)) == ([4], [0.5])
    assert [shape.x0 for shape in figure.layout.shapes] == [2.5]
    assert "Last block" in figure.layout.annotations[0].text


@pytest.mark.parametrize("rows", [[row(1, None)], [row(1, 0.4)], []])
def test_a_chart_can_be_drawn_however_little_is_known(rows: list[dict[str, Any]]) -> None:
    for name in ("loss", "accuracy"):
        figure = curve_chart(
            rows, name, hover=".1%", ticks=".0%", steps=[{"place": 0.2, "loss": 1.0, "accuracy": 0.3}]
        )
        assert figure.to_json()


def test_a_diary_places_its_steps_within_the_epochs() -> None:
    events = [
        {"event": "queued", "time": 0.0}, {"event": "phase", "time": 0.0, "phase": "Head", "n_train": 100},
        step(1, 5), {"event": "epoch", "time": 0.0, **ROWS[0]}, step(2, 10), {"event": "log", "time": 7.0, "message": "hello"},
    ]  # fmt: skip
    diary = told(events, batch_size=10)
    assert [each["place"] for each in diary.steps] == [0.5, 2.0]
    assert [each["epoch"] for each in diary.rows] == [1]
    assert diary.latest["images_per_second"] == 50.0
    assert [words for _, words in diary.lines] == ["Submitted", "Phase: Head", "hello"]


def test_what_a_killed_training_says_again_counts_once() -> None:
    again = {**ROWS[1], "train_loss": 0.123}
    events = [{"event": "phase", "time": 0.0, "phase": "Head", "n_train": 100}, step(1, 5)]
    events += [{"event": "epoch", "time": 0.0, **each} for each in ROWS[:3]]
    events += [step(4, 2), step(4, 8), {"event": "queued", "time": 1.0, "resumed": True}]
    events += [
        {"event": "phase", "time": 0.0, "phase": "Head", "n_train": 100},
        step(2, 3),
        {"event": "epoch", "time": 0.0, **again},
    ]
    diary = told(events, batch_size=10)
    assert [each["epoch"] for each in diary.rows] == [1, 2]
    assert diary.rows[1]["train_loss"] == 0.123
    assert [each["place"] for each in diary.steps] == [0.5, 1.3]
    assert "Taken up again" in [words for _, words in diary.lines]


def test_a_long_diary_is_thinned() -> None:
    events = [{"event": "phase", "time": 0.0, "phase": "Head", "n_train": 20_000}]
    events += [step(1, batch) for batch in range(1, 2001)]
    assert 300 <= len(told(events, batch_size=10).steps) <= 600
