"""A lock that its holder's death frees."""

import subprocess
import sys
from pathlib import Path

from models.file_lock import FileLock

ROOT = Path(__file__).resolve().parents[2]


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "x.lock"), FileLock(tmp_path / "x.lock")
    assert first.acquire() and first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire() and not first.acquire()
    second.release()
    assert not (tmp_path / "x.lock").exists()


def test_a_with_block_frees_what_it_took_and_nothing_else(tmp_path: Path) -> None:
    with FileLock(tmp_path / "x.lock") as first:
        assert first.acquire()
        with FileLock(tmp_path / "x.lock") as second:
            assert not second.acquire()
        assert (tmp_path / "x.lock").exists()


def test_a_killed_holder_frees_it(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from models.file_lock import FileLock\n"
        "lock = FileLock(Path(sys.argv[1])); print(lock.acquire(), flush=True); time.sleep(60)"
    )
    path = tmp_path / "x.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None and holder.stdout.readline() == "True\n"
    lock = FileLock(path)
    assert not lock.acquire()
    holder.kill()
    holder.communicate()
    assert lock.acquire()
    lock.release()
