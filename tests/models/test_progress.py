"""Work passed on step by step: what is said of it, what it returns, and that it is closed."""

from collections.abc import Generator

import pytest

from models.progress import Progress, relayed


def counting(ends: list[str], fails: bool = False) -> Generator[int, None, str]:
    try:
        yield 1
        yield 2
        if fails:
            raise ValueError("no third")
        return "both"
    finally:
        ends.append("closed")


def said(step: int) -> Progress:
    return Progress("Counting", step, 2)


def test_each_step_is_reported_and_the_result_returned() -> None:
    ends: list[str] = []
    found: list[str] = []

    def work() -> Generator[Progress, None, None]:
        found.append((yield from relayed(counting(ends), said)))

    assert list(work()) == [Progress("Counting", 1, 2), Progress("Counting", 2, 2)]
    assert found == ["both"] and ends == ["closed"]


def test_stopping_closes_the_work() -> None:
    ends: list[str] = []
    steps = relayed(counting(ends), said)
    next(steps)
    assert ends == []
    steps.close()
    assert ends == ["closed"]


def test_an_error_of_the_work_comes_through() -> None:
    ends: list[str] = []
    with pytest.raises(ValueError, match="no third"):
        list(relayed(counting(ends, fails=True), said))
    assert ends == ["closed"]


def test_an_error_of_the_report_closes_the_work() -> None:
    ends: list[str] = []
    work = counting(ends)

    def refuse(step: int) -> Progress:
        raise OSError(f"nothing can be written of {step}")

    with pytest.raises(OSError, match="nothing can be written of 1"):
        next(relayed(work, refuse))
    assert ends == ["closed"]
