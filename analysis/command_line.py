"""The command line: ``python -m analysis evaluate`` and ``python -m analysis compare``.

Exit status 0: done; 1: a bug, with its traceback, or of ``compare`` a budget that is not kept, said on stdout; 2: something
that was asked for cannot be, in one sentence on stderr; 130: stopped with Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from analysis.compare_command import add_compare, run_compare
from analysis.evaluate import Choices, evaluate
from analysis.metrics import accuracy
from analysis.rare_errors import rare_errors
from models.errors import ErrorscopeError
from models.predictions import Predictions
from models.progress_line import ProgressLine
from models.store import default_store
from models.terminal import BAD_INPUT, DONE, STOPPED, Parser, one_sentence, said

RESULTS = ("report.html", "summary.json", "predictions.parquet")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: what stands after ``python -m analysis``; None takes those of the process.

    Returns:
        The exit status.
    """
    line = ProgressLine(sys.stderr)
    try:
        values = vars(_parser().parse_args(arguments))
        if values.pop("command") == "compare":
            return run_compare(values, default_store(), line)
        choices = _checked(Choices(**values))
        predictions = evaluate(choices, default_store(), line)
    except ErrorscopeError as error:
        line.close()
        return said(one_sentence(error), BAD_INPUT)
    except KeyboardInterrupt:
        line.close()
        return said("Stopped: what was predicted is kept, and the same command goes on from there.", STOPPED)
    line.close()
    sys.stdout.write(result_words(predictions, choices.output))
    return DONE


def result_words(predictions: Predictions, folder: Path) -> str:
    """What a person wants to know when it is done.

    Args:
        predictions: what the network said.
        folder: where the results were written.

    Returns:
        A few lines.
    """
    lines = [accuracy(predictions.labels, predictions.predicted).words]
    if predictions.groups:
        across = sum(error.crosses_group for error in rare_errors(predictions))
        lines.append(f"{across:,} {'error crosses' if across == 1 else 'errors cross'} a group")
    unreadable = len(predictions.unreadable)
    if unreadable:
        lines.append(f"{unreadable:,} {'image' if unreadable == 1 else 'images'} could not be read")
    missing = predictions.n_missing_files
    if missing:
        lines.append(
            f"{missing:,} of {len(predictions):,} pictures are not there, so nothing was seen of them"
        )
    return "\n".join([*lines, *(str(folder / name) for name in RESULTS)]) + "\n"


def parsed_choices(arguments: Sequence[str] | None = None) -> Choices:
    """The choices of ``evaluate`` on a command line.

    Raises:
        ErrorscopeError: they make no sense.
        SystemExit: help was asked for, and given.
    """
    values = vars(_parser().parse_args(arguments))
    del values["command"]
    return _checked(Choices(**values))


def _checked(choices: Choices) -> Choices:
    if choices.from_predictions is None:
        missing = [f"--{name}" for name in ("checkpoint", "images") if getattr(choices, name) is None]
        if missing:
            raise ErrorscopeError(
                f"{' and '.join(missing)} must be given.",
                next_step="Give both, or --from-predictions with a table of predictions.",
            )
    elif choices.checkpoint is not None:
        raise ErrorscopeError(
            "--checkpoint and --from-predictions exclude each other.", next_step="Give one of them."
        )
    if choices.training_split is not None and choices.training is None:
        raise ErrorscopeError("--training-split needs --training.", next_step="Name the training images too.")
    return choices


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m analysis", description="Why is my image classifier wrong?")
    commands = parser.add_subparsers(dest="command", required=True, metavar="{evaluate,compare}")
    evaluation = commands.add_parser(
        "evaluate",
        help="evaluate a checkpoint on labelled images",
        description="Evaluate a checkpoint on labelled images, and write summary.json, predictions.parquet "
        "and report.html. What was predicted is kept in the workspace (ERRORSCOPE_HOME, else .errorscope): "
        "a second run takes it from there, a stopped one goes on.",
    )
    _add_inputs(evaluation)
    _add_settings(evaluation)
    add_compare(commands)
    return parser


def _add_inputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="weights, TorchScript, torch.export or ONNX"
    )
    parser.add_argument("--images", type=Path, metavar="FOLDER_OR_TABLE", help="the labelled images")
    parser.add_argument(
        "--from-predictions",
        type=Path,
        metavar="FILE",
        help="CSV or Parquet instead of a checkpoint: path, label, predicted or one probability column a "
        "class; --images then names the folder that the paths are relative to",
    )
    parser.add_argument(
        "--training",
        type=Path,
        metavar="FOLDER_OR_TABLE",
        help="the training images: copies of the images are looked for among them",
    )
    parser.add_argument("--training-split", metavar="NAME", help="only this split of the training images")
    parser.add_argument("--architecture", metavar="NAME", help="torchvision's name, where several fit")
    parser.add_argument("--classes", type=Path, metavar="FILE", help="class names, in the network's order")
    parser.add_argument("--groups", type=Path, metavar="FILE", help="the group of each class (CSV or JSON)")
    parser.add_argument("--preprocessing", type=Path, metavar="FILE", help="resize, crop, mean, std (JSON)")
    parser.add_argument(
        "--trust-code", action="store_true", help="run a checkpoint that is a program, and may do anything"
    )


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--split", metavar="NAME", help="evaluate only this split (default: all images)")
    parser.add_argument("--batch-size", type=_count, default=32, metavar="N", help="images at once (32)")
    parser.add_argument("--limit", type=_count, metavar="N", help="at most so many images, of all classes")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("errorscope-report"),
        metavar="FOLDER",
        help="where the results go (errorscope-report)",
    )


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 up")
    return int(text)
