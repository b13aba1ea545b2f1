"""Compare two results without a browser: figures in a folder, a budget kept or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from analysis.budget import Budget, Check, budget_checks
from analysis.class_changes import Cell
from analysis.compare_sources import CompareSource, between, compare_source, declared_target, held_out
from analysis.comparison_figures import budget_figures, comparison_figures
from analysis.comparison_record import Comparison, Half
from analysis.comparison_statistics import ComparisonStatistics, comparison_statistics
from analysis.target_test import TargetResult, target_result
from models.errors import ErrorscopeError, WorkspaceError
from models.progress import Progress
from models.store import Store, write_json

RESULT = "comparison.json"
Report = Callable[[Progress], None]


@dataclass(frozen=True)
class CompareChoices:
    """What a person asked to be compared.

    Args:
        before: what `analysis.compare_sources.compare_source` opens.
        after: the same.
        control: the same, or None: trained as ``after`` was, but without its target.
        images: the folder that paths in tables are relative to; None takes the folder of each table.
        half: which images count; None takes the held-out half where ``after`` is a version, else all.
        target: cells (label, predicted) that were declared beforehand; () takes the target of ``after`` where that is
            a version.
        budget: what may break.
        output: the folder for ``comparison.json``; None writes none.
    """

    before: str
    after: str
    control: str | None = None
    images: Path | None = None
    half: Half | None = None
    target: tuple[Cell, ...] = ()
    budget: Budget = field(default_factory=lambda: Budget({}))
    output: Path | None = None


@dataclass(frozen=True, eq=False)
class CompareResult:
    """What came of it.

    Args:
        comparison: the images of both.
        half: which of them count.
        statistics: of those that count.
        checks: of the budget.
        target: of the declared target, before against after; None where none was declared.
        against_control: of the target, control against after; None without either.
        trained_on: whether some of the images that count were trained on.
    """

    comparison: Comparison
    half: Half
    statistics: ComparisonStatistics
    checks: tuple[Check, ...]
    target: TargetResult | None
    against_control: TargetResult | None
    trained_on: bool = False

    @property
    def passed(self) -> bool:
        """Whether the budget is kept."""
        return all(check.passed for check in self.checks)


def compare(choices: CompareChoices, store: Store, on_progress: Report) -> CompareResult:
    """Compare two results, and write the figures where that was asked.

    Args:
        choices: what to compare.
        store: the workspace, for saved evaluations and versions.
        on_progress: told where the work stands.

    Raises:
        ErrorscopeError: a result cannot be read, or they cannot be compared.
    """
    named = [choices.before, choices.after, *([] if choices.control is None else [choices.control])]
    sources = [compare_source(store, each, choices.images, on_progress) for each in named]
    before, after = sources[:2]
    target = declared_target(choices.target, before, after)
    half: Half = choices.half or ("all" if after.version is None else "report")
    kept_apart = held_out(store, before, after) if half == "report" else None

    def result(first: CompareSource) -> TargetResult | None:
        if target is None:
            return None
        pair, is_control = between(first, after, kept_apart), first is not before
        return target_result(pair, target, half=half, against_control=is_control)

    comparison = between(before, after, kept_apart)
    declared = () if target is None else target.cells
    statistics = comparison_statistics(comparison, comparison.rows(half), declared=declared)
    found = CompareResult(
        comparison=comparison,
        half=half,
        statistics=statistics,
        checks=budget_checks(choices.budget, statistics),
        target=result(before),
        against_control=result(sources[2]) if sources[2:] else None,
        trained_on=half == "all" and (before.trained_on or after.trained_on),
    )
    if choices.output is not None:
        _write(choices.output, found, list(before.predictions.images["path"]))
    return found


def _write(folder: Path, found: CompareResult, paths: list[str]) -> None:
    targets = {"target": found.target, "target_against_control": found.against_control}
    figures = comparison_figures(found.comparison, found.statistics, paths, half=found.half, targets=targets)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / RESULT, figures | budget_figures(found.checks))
    except (OSError, WorkspaceError) as error:
        raise ErrorscopeError(
            f"Nothing can be written to the output folder {folder}.",
            next_step="Name another one with --output.",
        ) from error
