"""Training in several processes of this machine, by torchrun: the same job, but for who runs the loop.

What is to be prepared is prepared here, once; the processes find it in the workspace. They keep their state in the
job's folder, where this process then finds a training that is over, and takes its best weights.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path
from types import TracebackType
from typing import Any

from models.errors import Cancelled, ErrorscopeError, TrainingError
from models.finetune.distributed import device_of
from models.finetune.job import finetuned
from models.finetune.preparation import Prepared
from models.finetune.spec import FinetuneSpec
from models.finetune.trained import Trained
from models.finetune.training import training_steps
from models.job_context import STOP_FILE, JobContext
from models.progress import Progress

RESTARTS = 3
"""How often all begin again from the last saved state because one has died."""
SECONDS_BETWEEN_LOOKS = 0.1
SECONDS_TO_END = 60.0
LOG = "processes.log"
_ROOT = Path(__file__).resolve().parents[2]


def together_steps(spec: dict[str, Any], context: JobContext) -> Generator[Progress, None, dict[str, Any]]:
    """The job: as ``models.finetune.job.finetune_steps``, in several processes.

    Args:
        spec: ``finetune`` (``FinetuneSpec.to_json()``) and ``processes``, how many.
        context: the job's.

    Yields:
        Progress in images.

    Returns:
        As ``finetune_steps``.

    Raises:
        ErrorscopeError: the network cannot be trained on these images, or the processes died too often.
    """
    wanted = FinetuneSpec.from_json(spec["finetune"])

    def train(prepared: Prepared, baseline: str) -> Generator[Progress, None, Trained]:
        yield from _watched(context, baseline, spec["processes"])
        return (yield from training_steps(prepared.phases, wanted.recipe, context, device=prepared.device))

    device = device_of(0, spec["processes"])
    return (yield from finetuned(wanted, context, train, device=device))


def _watched(context: JobContext, baseline: str, processes: int) -> Generator[Progress, None, None]:
    """Start the processes, and say where they stand until they have ended."""
    last = Progress("Starting the processes", 0, 0, message=f"{processes} of them")
    with _Processes(context, baseline, processes) as started:
        while (line := started.said()) is not None:
            if line:
                last = _understood(line, last)
            yield last
            if context.should_stop():
                raise Cancelled("The training was stopped.")
        if started.status() and not context.should_stop():
            raise TrainingError(
                f"The {processes} processes that train together died more than {RESTARTS} times, or were ended by "
                "somebody else.",
                next_step=f"What they said is in {context.folder / LOG}; resume the training, or train in one.",
            )


def _understood(line: str, last: Progress) -> Progress:
    """What a line says, where it is one of the worker's own."""
    try:
        words = json.loads(line)
        progress, error = words.get("progress"), words.get("error")
    except (ValueError, AttributeError):  # somebody else's words
        return last
    if error is not None:
        raise ErrorscopeError(error["message"], next_step=error["next_step"], title=error["title"])
    return last if progress is None else Progress(**progress)


class _Processes:
    """Processes that train together, and the agent that starts them again; all have ended when the context is left.

    Args:
        context: the job's.
        baseline: fingerprint of the baseline's evaluation.
        n: how many.
    """

    def __init__(self, context: JobContext, baseline: str, n: int) -> None:
        self._stop = context.folder / STOP_FILE
        self._has_begun = False
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        command = [
            *(sys.executable, "-m", "models.finetune.agent", "--standalone", f"--nproc-per-node={n}"),
            *(f"--max-restarts={RESTARTS}", "--monitor-interval=0.5", "-m", "models.finetune.worker"),
            *(str(context.folder), str(context.store.root), baseline),
        ]
        with (context.folder / LOG).open("ab") as log:
            self._agent = subprocess.Popen(
                command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=log, text=True, encoding="utf-8", errors="replace",
                start_new_session=True,  # Ctrl+C is for this process: those go on until they have kept their state
            )  # fmt: skip

    def __enter__(self) -> _Processes:
        threading.Thread(target=self._hear, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_lost = isinstance(error, ErrorscopeError)
        self._end(at_once=is_lost or not self._has_begun)

    def said(self) -> str | None:
        """The next line; "" where there is none yet, None at the end."""
        try:
            line = self._lines.get(timeout=SECONDS_BETWEEN_LOOKS)
        except queue.Empty:
            return ""
        self._has_begun |= bool(line)
        return line

    def status(self) -> int:
        """How the agent ended, 0 for well; waits for that."""
        return self._agent.wait()

    def _hear(self) -> None:
        assert self._agent.stdout is not None
        with self._agent.stdout as stream:
            for line in stream:
                self._lines.put(line)
        self._lines.put(None)

    def _end(self, *, at_once: bool) -> None:
        """Let all stop after their batch, as for a cancelled job, and wait; kill them if they do not.

        Args:
            at_once: where there is nothing to keep.
        """
        if self._agent.poll() is not None:
            return
        was_asked = self._stop.exists()
        self._stop.touch()
        if at_once:
            self._agent.terminate()  # it ends the others
        try:
            self._agent.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._agent.kill()
            self._agent.wait()
        if not was_asked:  # the server ends, say: the job may be resumed
            self._stop.unlink(missing_ok=True)
