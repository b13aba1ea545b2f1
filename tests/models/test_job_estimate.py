"""Estimates follow what is happening now."""

import pytest

from models.job_estimate import Estimate
from models.progress import Progress


def left(reports: list[tuple[float, int]], total: int = 100, phase: str = "Predicting") -> float | None:
    estimate = Estimate()
    for now, done in reports:
        estimate.add(Progress(phase, done, total), now)
    return estimate.seconds_left()


def test_nothing_is_promised_at_first() -> None:
    assert left([]) is None
    assert left([(0, 0), (1, 5), (5, 10)]) is None  # too few reports
    assert left([(0, 0), (0.1, 5), (0.2, 10), (0.3, 20)]) is None  # too short
    assert left([(n, 0) for n in range(10)]) is None  # no progress
    assert left([(n, n) for n in range(10)], total=0) is None  # no known end


def test_work_done_before_a_resumed_run_does_not_count() -> None:
    assert left([(n, 50 + n) for n in range(11)]) == pytest.approx(40)


def test_a_machine_that_slows_down_is_followed() -> None:
    fast = [(n / 10, n) for n in range(51)]
    slow = [(5 + 2.0 * n, 50 + n) for n in range(1, 26)]
    assert left(fast + slow) == pytest.approx(50, rel=0.05)


def test_rare_reports_are_enough() -> None:
    assert left([(60.0 * n, n) for n in range(8)], total=10) == pytest.approx(180)


def test_a_new_phase_starts_anew() -> None:
    estimate = Estimate()
    for n in range(10):
        estimate.add(Progress("One", n, 10), float(n))
    estimate.add(Progress("Two", 0, 10), 10.0)
    assert estimate.seconds_left() is None
