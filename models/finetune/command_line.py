"""The command line: ``python -m models.finetune --recipe FILE``. Needs no torch until it trains."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.errors import ErrorscopeError, VersionError
from models.finetune.engines import ENGINES, Failed
from models.finetune.recipe_file import write_recipe
from models.finetune.recipe_reader import read_recipe
from models.finetune.spec import FinetuneSpec
from models.finetune.version_record import RECORD, WEIGHTS, Version
from models.finetune.versions import version
from models.progress_line import ProgressLine
from models.store import default_store, write_atomically
from models.terminal import BAD_INPUT, DONE, STOPPED, Parser, one_sentence, said

BUG = 1
RECIPE = "recipe.yaml"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: what stands after ``python -m models.finetune``; None takes those of the process.

    Returns:
        The exit status.
    """
    line = ProgressLine(sys.stderr)
    try:
        chosen = _parser().parse_args(arguments)
        spec = read_recipe(chosen.recipe)
        output = None if chosen.output is None else _folder(chosen.output)
        store = default_store()
        result = ENGINES[chosen.engine](spec, store, line, chosen.processes)
        made = version(store, result["version"])
        if output is not None:
            copy_version(made, spec, output)
    except Failed as error:
        line.close()
        return said(str(error), BUG)
    except ErrorscopeError as error:
        line.close()
        return said(one_sentence(error), BAD_INPUT)
    except KeyboardInterrupt:
        line.close()
        return said("Stopped: what was learnt is kept, and the same command goes on from there.", STOPPED)
    line.close()
    sys.stdout.write(result_words(made, result, made.folder if output is None else output))
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m models.finetune",
        description="Fine-tune a network by a recipe, and keep what comes of it as a version in the workspace "
        "(ERRORSCOPE_HOME, else .errorscope). A stopped run goes on when the same command is given again; one that "
        "has ended is not repeated.",
    )
    parser.add_argument(
        "--recipe",
        type=Path,
        required=True,
        metavar="FILE",
        help="settings (YAML), as a version's page gives them",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER", help=f"also copy {WEIGHTS}, {RECORD} and {RECIPE} there"
    )
    parser.add_argument("--engine", choices=sorted(ENGINES), default="thread", help="who runs it (thread)")
    parser.add_argument("--processes", type=_count, default=1, metavar="N", help="of the engine torchrun (1)")
    return parser


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 up")
    return int(text)


def _folder(path: Path) -> Path:
    """The folder for copies, made before hours go into the training."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VersionError(
            f"The folder {path} cannot be made ({error.strerror or error}).",
            next_step="Choose another --output.",
        ) from error
    return path


def copy_version(made: Version, spec: FinetuneSpec, folder: Path) -> None:
    """Copy a version's weights and record into a folder, with the recipe that makes it.

    Args:
        made: the version.
        spec: what it was trained with.
        folder: it exists.

    Raises:
        WorkspaceError: the folder cannot be written.
    """
    for source in (made.checkpoint, made.folder / RECORD):
        write_atomically(folder / source.name, lambda path, source=source: shutil.copyfile(source, path))  # type: ignore[misc]
    write_recipe(folder / RECIPE, spec)


def result_words(made: Version, result: dict[str, Any], folder: Path) -> str:
    """What a person wants to know when it is done.

    Args:
        made: the version.
        result: of the job: ``accuracy_before``, ``accuracy_after``.
        folder: where its files lie.

    Returns:
        A few lines.
    """
    lines = [f"version {made.id} ({made.name})"]
    before, after = result.get("accuracy_before"), result.get("accuracy_after")
    n = made.metrics.get("report", {}).get("n")
    if before is not None and after is not None:
        images = "the held-out half" if n is None else f"{n:,} held-out images"
        lines.append(f"accuracy on {images}: {before:.1%} before, {after:.1%} after")
    test = made.metrics.get("test")
    if test:
        lines.append(f"accuracy on {test['n']:,} test images, evaluated once: {test['accuracy']:.1%}")
    return "\n".join([*lines, str(folder / WEIGHTS)]) + "\n"
