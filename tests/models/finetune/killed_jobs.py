"""Children that run a fine-tuning and kill themselves, or are killed, in the middle of it; see ``test_kills.py``.

    python -m tests.models.finetune.killed_jobs

Lines come in, one JSON object each: ``root`` (a workspace), ``spec`` (``FinetuneSpec.to_json()``), and when to die:
``files`` (before the job touches a file of the workspace for so many times), ``steps`` (before it learns from so many
batches) or ``seconds`` (after so long, wherever it is); none of them lets it end. For each a child is forked, which has
imported all there is to import already; it takes up the job that the workspace holds, or begins it. A line goes out
when the child has ended: ``signal`` (0: by itself), ``seconds``, and where it came to its end ``files`` and ``steps``.
"""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import torch

import models.finetune.job  # noqa: F401 (so that no child needs to import it)
from models import job_worker
from models.finetune.batches import Batch
from models.finetune.phase_work import PhaseWork
from models.finetune.training_state import Sums
from models.jobs import Jobs
from models.store import Store
from tests.models.finetune.planted_images import waited

TOUCHING = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "sqlite3.connect")
"""Audit events of Python: each comes before the thing is done."""


class Deadly:
    """Counts something, and kills this process at one of these moments.

    Args:
        last: at which; None counts on.
    """

    def __init__(self, last: int | None) -> None:
        self.last, self.n = last, 0

    def count(self) -> None:
        self.n += 1
        if self.n == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


def counted_files(root: str, last: int | None) -> Deadly:
    """How often the job touches files of a workspace; the main thread only looks how it stands."""
    counter = Deadly(last)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        is_job = threading.current_thread() is not threading.main_thread()
        if is_job and event in TOUCHING and str(arguments[0]).startswith(root):
            counter.count()

    sys.addaudithook(hook)
    return counter


def counted_steps(last: int | None) -> Deadly:
    """How many batches are learnt from."""
    counter, real = Deadly(last), PhaseWork.step

    def step(self: PhaseWork, batch: Batch, epoch: int, number: int, rate: float) -> Sums:
        counter.count()
        return real(self, batch, epoch, number, rate)

    PhaseWork.step = step  # type: ignore[method-assign]
    return counter


def run(order: dict[str, Any], answer: int) -> None:
    """What a child does: the workspace's job, to its end."""
    manager = Jobs(Store(Path(order["root"])))
    files, steps = counted_files(order["root"], order.get("files")), counted_steps(order.get("steps"))
    known = manager.list()
    id = known[0].id if known else manager.submit("finetune", order["spec"], title="Killed")
    if known and known[0].can_resume:  # else it had just come to its end
        manager.resume(id)
    state = waited(manager, id).state
    manager.close()
    os.write(answer, json.dumps({"files": files.n, "steps": steps.n, "state": state}).encode())


def child(order: dict[str, Any]) -> dict[str, Any]:
    """Fork, and see how it ends."""
    out, into = os.pipe()
    begun = time.monotonic()
    id = os.fork()
    if not id:
        try:
            os.close(out)
            run(order, into)
        except BaseException as error:  # noqa: BLE001
            sys.stderr.write(f"{error!r}\n")
        finally:
            os._exit(0)
    os.close(into)
    if "seconds" in order:
        time.sleep(order["seconds"])
        os.kill(id, signal.SIGKILL)
    _, status = os.waitpid(id, 0)
    seconds = time.monotonic() - begun
    with os.fdopen(out) as answers:
        said = json.loads(answers.read() or "{}")
    return {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, "seconds": seconds, **said}


if __name__ == "__main__":
    job_worker.NICENESS = 0  # as in ``conftest.py``
    torch.set_num_threads(1)  # no threads in this process: a child would not have them
    for line in sys.stdin:
        sys.stdout.write(json.dumps(child(json.loads(line))) + "\n")
        sys.stdout.flush()
