"""The rules of the house: who may import whom, where page files lie, what stays empty."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ["models", "analysis", "pages", "app"]


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module or ""


@cache
def top_levels(path: Path) -> frozenset[str]:
    return frozenset(name.partition(".")[0] for name in imported_modules(path))


@pytest.mark.parametrize(
    "path", sources("models", "analysis", "pages"), ids=lambda p: str(p.relative_to(ROOT))
)
def test_a_layer_imports_only_the_layers_below(path: Path) -> None:
    layer = LAYERS.index(path.relative_to(ROOT).parts[0])
    assert not top_levels(path) & set(LAYERS[layer + 1 :])


@pytest.mark.parametrize(
    "path", sources("models", "analysis", "sample_data"), ids=lambda p: str(p.relative_to(ROOT))
)
def test_only_the_app_and_its_pages_import_streamlit(path: Path) -> None:
    assert "streamlit" not in top_levels(path)


@pytest.mark.parametrize("path", [*sources("pages"), ROOT / "app.py"], ids=lambda p: str(p.relative_to(ROOT)))
def test_pages_never_import_torch(path: Path) -> None:
    assert not top_levels(path) & {"torch", "torchvision", "captum"}


def test_no_page_file_lies_directly_under_pages() -> None:
    """Streamlit would run such a file without app.py, so without its error boundary."""
    assert [path.name for path in (ROOT / "pages").glob("*.py")] == ["__init__.py"]


def test_package_inits_are_empty_but_for_the_table_of_methods() -> None:
    filled = [
        p for p in sources("models", "analysis", "pages") if p.name == "__init__.py" and p.stat().st_size
    ]
    assert filled == [ROOT / "analysis" / "attribution" / "__init__.py"]


def test_torchvision_is_imported_after_the_shim() -> None:
    """A bare `import torchvision` fails where torch and torchvision are of different builds."""
    for path in sources("models", "analysis", "sample_data"):
        lines = path.read_text(encoding="utf-8").splitlines()
        bare = [i for i, line in enumerate(lines) if re.match(r"\s*(import|from) torchvision\b", line)]
        shim = [i for i, line in enumerate(lines) if "from models.torchvision_import import" in line]
        if bare and path.name != "torchvision_import.py":
            assert shim and shim[0] < bare[0], path


def test_opening_a_saved_evaluation_needs_no_torch() -> None:
    """The way from the server's start to the matrix must not wait for torch."""
    program = (
        "import sys, models.predictions, models.images, models.jobs, models.recent, models.thumbnails\n"
        "import analysis.confusion, analysis.metrics, analysis.ordering, analysis.confusable, analysis.rare_errors\n"
        "print(sorted({'torch', 'torchvision', 'sklearn', 'scipy', 'plotly'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_the_project_names_no_machine() -> None:
    words = re.compile(r"/work/|/opt/wheels|/root/|subagent|claude", re.IGNORECASE)
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    texts = [
        ROOT / name
        for name in files
        if Path(name).suffix in {".py", ".md", ".toml", ".yaml", ".js", ".css", ".lock", ".json", ""}
    ]
    assert not [
        str(path)
        for path in texts
        if path != Path(__file__)
        and path.is_file()
        and words.search(path.read_text(encoding="utf-8", errors="replace"))
    ]
