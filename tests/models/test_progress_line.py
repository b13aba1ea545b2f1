import io

from models.progress import Progress
from models.progress_line import ProgressLine


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class _Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def _reported(stream: io.StringIO, step_seconds: float, *, first: int = 0) -> str:
    clock = _Clock()
    line = ProgressLine(stream, clock)
    for done in range(first, 101, 10):
        line(Progress("Predicting", done, 100))
        clock.seconds += step_seconds
    line.close()
    return stream.getvalue()


def test_a_terminal_sees_one_line_that_changes() -> None:
    text = _reported(_Terminal(), 1.0)
    assert "\n" not in text and text.endswith("\r\x1b[K")
    assert text.count("\r") == 12
    assert "Predicting: 50 of 100 images (50%), about 5 s left" in text


def test_a_log_sees_a_line_now_and_then_and_the_end() -> None:
    lines = _reported(io.StringIO(), 1.0).splitlines()
    assert lines == [
        "Predicting: 0 of 100 images",
        "Predicting: 50 of 100 images (50%), about 5 s left",
        "Predicting: 100 of 100 images",
    ]


def test_what_was_done_before_does_not_flatter_the_estimate() -> None:
    lines = _reported(io.StringIO(), 6.0, first=80).splitlines()
    assert lines[1] == "Predicting: 90 of 100 images (90%), about 6 s left"


def _opened(stream: io.StringIO) -> str:
    line = ProgressLine(stream, _Clock())
    line(Progress("Opening the images", 0, 0))
    line(Progress("Opening the checkpoint", 0, 0))
    line(Progress("Saving", 0, 1, "evaluation"))
    line.close()
    return stream.getvalue()


def test_work_that_cannot_be_counted_is_named_in_a_terminal_only() -> None:
    wipe = "\x1b[K"
    assert _opened(_Terminal()) == (
        f"\rOpening the images …{wipe}\rOpening the checkpoint …{wipe}\rSaving …{wipe}\r{wipe}"
    )
    assert _opened(io.StringIO()) == ""
