"""Who looks at which job: work that several people wait for ends only when the last of them has left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

SECONDS_OF_ATTENTION = 90.0
"""Whoever has not looked for so long has left without saying so. Browsers let the clock of a tab in the
background strike only once a minute."""
SECONDS_OF_GRACE = 15.0
"""Whoever lost the connection may be loading the page anew, and has so long to be back."""


class JobWatchers:
    """The watchers of the jobs of one process. Any thread may call.

    Args:
        now: a clock, in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._looking_until: dict[str, dict[str, float]] = {}
        self._parted: dict[str, float] = {}

    def look(self, job: str, watcher: str) -> None:
        """Note that somebody looks at a job now.

        Args:
            job: its id.
            watcher: who.
        """
        with self._lock:
            watchers = self._looking_until.setdefault(job, {})
            if watcher in self._parted:  # the last drawing of a tab may outlast it
                watchers.setdefault(watcher, self._now() + SECONDS_OF_GRACE)
            else:
                watchers[watcher] = self._now() + SECONDS_OF_ATTENTION

    def part(self, watcher: str) -> None:
        """Note that somebody's connection is lost for good; whoever comes back has another name.

        Args:
            watcher: who.
        """
        with self._lock:
            now = self._now()
            parted = {**self._parted, watcher: now}
            self._parted = {name: at for name, at in parted.items() if at > now - SECONDS_OF_ATTENTION}
            for watchers in self._looking_until.values():
                if watcher in watchers:
                    watchers[watcher] = min(watchers[watcher], now + SECONDS_OF_GRACE)

    def leave(self, job: str, watcher: str) -> bool:
        """Note that somebody looks at a job no more.

        Args:
            job: its id.
            watcher: who.

        Returns:
            Whether nobody else looks at it.
        """
        with self._lock:
            self._looking_until.get(job, {}).pop(watcher, None)
            return self._is_left(job)

    def left(self) -> list[str]:
        """The jobs that somebody watched and nobody watches any more, until they are forgotten."""
        with self._lock:
            return [job for job in self._looking_until if self._is_left(job)]

    def forget(self, job: str) -> None:
        """Forget who watched a job; it then counts as one that nobody ever watched."""
        with self._lock:
            self._looking_until.pop(job, None)

    def _is_left(self, job: str) -> bool:
        now = self._now()
        return all(until < now for until in self._looking_until.get(job, {}).values())
