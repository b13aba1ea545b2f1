"""How long the phase of a job will still take, from its last reports."""

from __future__ import annotations

from collections import deque

from models.progress import Progress

WINDOW_SECONDS = 30.0
FEWEST_REPORTS = 4
FEWEST_SECONDS = 2.0


class Estimate:
    """The recent rate of a phase, and what it promises.

    Only the last half minute counts (or the last reports, where they are rare), so the estimate follows a
    machine that gets busy, and a resumed phase is not measured by what was done before.
    """

    def __init__(self) -> None:
        self._reports: deque[tuple[float, int]] = deque()
        self._what = ("", 0)
        self._left = 0

    def add(self, progress: Progress, now: float) -> None:
        """Take in a report.

        Args:
            progress: where the work stands.
            now: when, in seconds of any clock that does not jump.
        """
        what = (progress.phase, progress.total)
        if what != self._what or (self._reports and progress.done < self._reports[-1][1]):
            self._reports.clear()
        self._what = what
        self._left = max(0, progress.total - progress.done)
        self._reports.append((now, progress.done))
        while len(self._reports) > FEWEST_REPORTS and self._reports[1][0] <= now - WINDOW_SECONDS:
            self._reports.popleft()

    def seconds_left(self) -> float | None:
        """Seconds until the phase is done, or None while that cannot be said.

        >>> estimate = Estimate()
        >>> for second in range(5):
        ...     estimate.add(Progress("Predicting", 10 * second, 100), float(second))
        >>> estimate.seconds_left()
        6.0
        """
        if len(self._reports) < FEWEST_REPORTS or not self._what[1]:
            return None
        seconds = self._reports[-1][0] - self._reports[0][0]
        done = self._reports[-1][1] - self._reports[0][1]
        if seconds < FEWEST_SECONDS or not done:
            return None
        return self._left * seconds / done
