"""Progress in a terminal, or in a log."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from models.progress import Progress

_TERMINAL_SECONDS = 0.1
_LOG_SECONDS = 5.0


class ProgressLine:
    """Says where long work stands: one line that changes in a terminal, a line every 5 s elsewhere.

    Work that cannot be counted is named in a terminal only: there the next words take its place.

    Args:
        stream: where it is written, stderr usually.
        now: seconds from a clock that never goes back.
    """

    def __init__(self, stream: TextIO, now: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._now = now
        self._terminal = stream.isatty()
        self._phase = ""
        self._began = (0.0, 0)
        self._said_at = float("-inf")
        self._open = False

    def __call__(self, progress: Progress) -> None:
        """Say it, unless something was said just before."""
        if not self._terminal and progress.total <= 1:
            return
        now = self._now()
        if progress.phase != self._phase:
            self._phase, self._began, self._said_at = progress.phase, (now, progress.done), float("-inf")
        ended = progress.total > 0 and progress.done >= progress.total
        pause = _TERMINAL_SECONDS if self._terminal else _LOG_SECONDS
        if now - self._said_at < pause and not ended:
            return
        self._said_at = now
        self._say(self._words(progress, now))

    def close(self) -> None:
        """Wipe the line of a terminal, so that what comes next takes its place."""
        if self._open:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
        self._open = False

    def _say(self, words: str) -> None:
        # \x1b[K wipes what a longer line left behind
        self._stream.write(f"\r{words}\x1b[K" if self._terminal else f"{words}\n")
        self._stream.flush()
        self._open = self._terminal

    def _words(self, progress: Progress, now: float) -> str:
        if progress.total <= 1:  # one step has no share to tell
            return f"{progress.phase} …"
        counted = f"{progress.phase}: {progress.done:,} of {progress.total:,} {progress.unit}"
        began_at, began_with = self._began
        done, seconds = progress.done - began_with, now - began_at
        if done <= 0 or seconds <= 0 or progress.done >= progress.total:
            return counted
        left = (progress.total - progress.done) * seconds / done
        return f"{counted} ({progress.fraction:.0%}), about {duration(left)} left"


def duration(seconds: float) -> str:
    """A duration as a person says it.

    >>> duration(7.4), duration(200), duration(4000)
    ('7 s', '3 min 20 s', '1 h 7 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {round(whole % 3600 / 60)} min"
