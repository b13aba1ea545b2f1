"""A stage of a job that has a folder and a name of its own, as if it were a job."""

from __future__ import annotations

from pathlib import Path

from models.job_context import JobContext


class StageContext(JobContext):
    """The context of a stage: its folder lies within the job's, all else is the job's.

    Args:
        outer: of the job.
        name: of the stage; the version that it makes is called so.
    """

    def __init__(self, outer: JobContext, name: str) -> None:
        self.__dict__.update(vars(outer))
        self._outer = outer
        self.folder: Path = outer.folder / name
        self.folder.mkdir(exist_ok=True)

    def should_stop(self) -> bool:
        """Whether the job was stopped."""
        return self._outer.should_stop()

    def is_cancelled(self) -> bool:
        """Whether the job was cancelled."""
        return self._outer.is_cancelled()
