"""The command line: ``python -m analysis compare``.

Exit status 0: the budget is kept, or there is none; 1: it is not; the others as for all commands.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from analysis.budget import LIMITS, parsed_budget
from analysis.cell_name import parsed_cell
from analysis.compare import RESULT, CompareChoices, CompareResult, compare
from analysis.comparison_record import Comparison, Half
from models.progress_line import ProgressLine
from models.store import Store
from models.terminal import DONE, Parser

OVER_BUDGET = 1


def result_words(result: CompareResult, output: Path | None) -> str:
    """What a person wants to know when it is done.

    Args:
        result: what came of it.
        output: the folder for the figures, or None.

    Returns:
        A few lines.
    """
    statistics, comparison = result.statistics, result.comparison
    lines = [
        f"Before: {statistics.before.words}",
        f"After: {statistics.after.words}",
        statistics.words,
        f"{_images_words(comparison, result.half)}; matched by {comparison.matched_by}",
    ]
    if result.trained_on:
        lines.append("Half of these images were trained on: only --half report can say what was gained")
    for title, found in (("", result.target), (" against its control", result.against_control)):
        if found is not None:
            lines.append(f"Target {found.name}{title}: {found.words}")
    if result.checks:
        lines.append("The budget is kept" if result.passed else "The budget is exceeded")
        lines += [f"  {'ok  ' if check.passed else 'FAIL'} {check.words}" for check in result.checks]
    return "\n".join([*lines, *([] if output is None else [str(output / RESULT)])]) + "\n"


def _images_words(comparison: Comparison, half: Half) -> str:
    n, copies = int(comparison.rows(half).sum()), int(comparison.is_copy.sum())
    said = [f"{n:,} of {len(comparison):,} images" + (" (held-out half)" if half == "report" else "")]
    counted = (
        (copies, "copies not counted"),
        (comparison.n_only_before, "only before"),
        (comparison.n_only_after, "only after"),
    )
    return ", ".join(said + [f"{count:,} {words}" for count, words in counted if count])


def add_compare(commands: argparse._SubParsersAction[Parser]) -> None:
    """Let a command line know ``compare``.

    Args:
        commands: the parser's commands.
    """
    parser = commands.add_parser(
        "compare",
        help="compare two results on the same images",
        description="Compare two results on the same images: what was fixed, what broke, whether it is more than "
        "chance, and whether a budget is kept. A result is a table of predictions (CSV, Parquet), a folder that "
        "evaluate wrote, the fingerprint of a saved evaluation, or the id of a version in the workspace. Exit status: "
        "0 the budget is kept, 1 it is not, 2 something that was asked for cannot be.",
    )
    parser.add_argument("--before", required=True, metavar="RESULT", help="the result to compare with")
    parser.add_argument("--after", required=True, metavar="RESULT", help="the result to judge")
    parser.add_argument(
        "--control",
        metavar="RESULT",
        help="the same training without its target: the target is tested against it too",
    )
    parser.add_argument(
        "--images", type=Path, metavar="FOLDER", help="the folder that paths in tables are relative to"
    )
    parser.add_argument(
        "--half",
        choices=("all", "report"),
        help="all images, or only the half that is held out when a target is chosen, which needs the pictures "
        "(default: report for a version, else all)",
    )
    parser.add_argument(
        "--target",
        action="append",
        default=[],
        type=_cell,
        metavar="LABEL/PREDICTED",
        help="a mistake that was declared beforehand, tested apart; may be given again. A version brings its own",
    )
    parser.add_argument(
        "--budget",
        action="append",
        default=[],
        metavar="LIMIT=VALUE",
        help=f"a limit to keep; may be given again: {', '.join(LIMITS)}",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER", help=f"where {RESULT} goes (default: nowhere)"
    )


def run_compare(values: dict[str, Any], store: Store, line: ProgressLine) -> int:
    """Compare as a command line says.

    Args:
        values: the parsed arguments.
        store: the workspace.
        line: says where the work stands.

    Returns:
        The exit status.

    Raises:
        ErrorscopeError: something that was asked for cannot be.
    """
    budget, target = parsed_budget(values.pop("budget")), tuple(values.pop("target"))
    choices = CompareChoices(**values, budget=budget, target=target)
    result = compare(choices, store, line)
    line.close()
    sys.stdout.write(result_words(result, choices.output))
    return DONE if result.passed else OVER_BUDGET


def _cell(text: str) -> tuple[str, str]:
    label, predicted = parsed_cell(text)
    if not label or not predicted or label == predicted:
        raise argparse.ArgumentTypeError(f"{text!r} is no mistake; write it like Bengal/Egyptian_Mau")
    return label, predicted
