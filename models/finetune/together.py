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
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from models.errors import Cancelled, ErrorscopeError, TrainingError
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

    return (yield from finetuned(wanted, context, train))


def _watched(context: JobContext, baseline: str, processes: int) -> Generator[Progress, None, None]:
    """Start the processes, and say where they stand until they have ended."""
    with _started(context, baseline, processes) as agent:
        said: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        assert agent.stdout is not None
        threading.Thread(target=_heard, args=(agent.stdout, said), daemon=True).start()
        last = Progress("Starting the processes", 0, 0)
        while (line := _next(said)) is not None:
            if line:
                last = _understood(line, last)
            yield last
            if context.should_stop():
                raise Cancelled("The training was stopped.")
        if agent.wait() and not context.should_stop():
            raise TrainingError(
                f"The {processes} processes that trained together have ended too often.",
                next_step=f"What they said is in {context.folder / LOG}; resume the training, or train in one.",
            )


def _heard(stream: IO[str], said: queue.SimpleQueue[str | None]) -> None:
    for line in stream:
        said.put(line)
    said.put(None)


def _next(said: queue.SimpleQueue[str | None]) -> str | None:
    """The next line; "" where there is none yet, None at the end."""
    try:
        return said.get(timeout=SECONDS_BETWEEN_LOOKS)
    except queue.Empty:
        return ""


def _understood(line: str, last: Progress) -> Progress:
    try:
        words = json.loads(line)
    except ValueError:  # somebody else's words
        return last
    if "error" in words:
        error = words["error"]
        raise ErrorscopeError(error["message"], next_step=error["next_step"], title=error["title"])
    return Progress(**words["progress"])


@contextmanager
def _started(context: JobContext, baseline: str, processes: int) -> Iterator[subprocess.Popen[str]]:
    """The processes; however this ends, they have kept their state and ended."""
    command = [
        *(sys.executable, "-m", "models.finetune.agent", "--standalone", f"--nproc-per-node={processes}"),
        *(f"--max-restarts={RESTARTS}", "--monitor-interval=0.5", "-m", "models.finetune.worker"),
        *(str(context.folder), str(context.store.root), baseline),
    ]
    with (context.folder / LOG).open("ab") as log:
        agent = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        yield agent
    finally:
        _ended(agent, context.folder / STOP_FILE)


def _ended(agent: subprocess.Popen[str], stop: Path) -> None:
    """Let the processes stop after their batch, as for a cancelled job, and wait; kill them if they do not."""
    was_asked = stop.exists()
    if agent.poll() is None:
        stop.touch()
        try:
            agent.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            agent.kill()
            agent.wait()
    if not was_asked:  # the server ends, say: the job may be resumed
        stop.unlink(missing_ok=True)
