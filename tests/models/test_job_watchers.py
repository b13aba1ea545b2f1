"""Who still looks at a job: tabs that say so, tabs in the background, tabs that were closed or loaded anew."""

import pytest

from models.job_watchers import SECONDS_OF_ATTENTION, SECONDS_OF_GRACE, JobWatchers


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watchers(clock: Clock) -> JobWatchers:
    return JobWatchers(clock)


def test_a_watcher_that_looks_no_more_does_not_count(watchers: JobWatchers, clock: Clock) -> None:
    watchers.look("job", "closed tab")
    watchers.look("job", "tab in the background")
    clock.now = 65.0  # browsers let such a clock strike once a minute
    watchers.look("job", "tab in the background")
    clock.now = 120.0
    assert not watchers.leave("job", "open tab")
    assert watchers.leave("job", "tab in the background")


def test_a_job_is_left_once_all_have_stopped_looking(watchers: JobWatchers, clock: Clock) -> None:
    watchers.look("job", "tab")
    watchers.look("other job", "tab")
    clock.now = 75.0
    watchers.look("other job", "another tab")
    assert watchers.left() == []
    clock.now = SECONDS_OF_ATTENTION + 1.0
    assert watchers.left() == ["job"]
    assert watchers.left() == ["job"]  # until it is forgotten: stopping it may fail
    watchers.forget("job")
    assert watchers.left() == []


def test_a_job_that_nobody_ever_watched_is_not_left(watchers: JobWatchers, clock: Clock) -> None:
    clock.now = 10_000.0
    assert watchers.left() == []


def test_who_lost_the_connection_may_be_back_within_seconds(watchers: JobWatchers, clock: Clock) -> None:
    watchers.look("job", "tab")
    watchers.look("reloaded job", "tab")
    clock.now = 5.0
    watchers.part("tab")
    assert watchers.left() == []
    clock.now = 9.0
    watchers.look("reloaded job", "tab, loaded anew")
    clock.now = 5.0 + SECONDS_OF_GRACE + 0.1
    assert watchers.left() == ["job"]


def test_the_last_drawing_of_a_closed_tab_keeps_nothing_alive(watchers: JobWatchers, clock: Clock) -> None:
    watchers.look("job", "tab")
    watchers.part("tab")
    clock.now = 1.0
    watchers.look("job", "tab")
    watchers.look("job begun just then", "tab")
    clock.now = 1.0 + SECONDS_OF_GRACE + 0.1
    assert watchers.left() == ["job", "job begun just then"]


def test_parting_never_lengthens_the_attention(watchers: JobWatchers, clock: Clock) -> None:
    watchers.look("job", "tab")
    clock.now = SECONDS_OF_ATTENTION - 1.0
    watchers.part("tab")
    clock.now = SECONDS_OF_ATTENTION + 1.0
    assert watchers.left() == ["job"]
