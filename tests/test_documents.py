"""Documents that fail when they stop being true."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirement_names(requirements: list[str]) -> list[str]:
    return [re.split(r"[<>=~! \[]", text)[0] for text in requirements]


def locked() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return dict(
        line.lower().replace("_", "-").split("==") for line in lines if line and not line.startswith("#")
    )


def test_the_changelog_begins_with_the_present_version() -> None:
    versions = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert versions[0] == PROJECT["version"]


@pytest.mark.parametrize(
    "name", requirement_names(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"])
)
def test_every_dependency_is_pinned_and_has_its_reason(name: str) -> None:
    assert name.lower() in locked()
    assert re.search(rf"^\| {re.escape(name)} \|", CONTRIBUTING, re.MULTILINE), (
        f"CONTRIBUTING gives no reason for {name}"
    )


def test_the_lock_holds_exact_versions_only() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    assert not [
        line
        for line in lines
        if line and not line.startswith("#") and not re.fullmatch(r"[\w.-]+==[\w.]+", line)
    ]


def test_every_make_target_is_documented() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z]+):(.*)$", makefile, re.MULTILINE)
    assert not [name for name, rest in targets if "##" not in rest]
    assert not [name for name, _ in targets if f"make {name}" not in README + CONTRIBUTING]


def test_links_and_pictures_of_the_documents_exist() -> None:
    for document in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            assert target.startswith("http") or (document.parent / target).exists(), (
                f"{document.name}: {target}"
            )


def test_every_page_is_in_the_navigation() -> None:
    source = (ROOT / "app.py").read_text(encoding="utf-8") + (ROOT / "pages/shared/state.py").read_text(
        encoding="utf-8"
    )
    for page in (ROOT / "pages").rglob("*.py"):
        if re.search(r"^page\(\)$", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert str(page.relative_to(ROOT)) in source


def test_every_method_is_in_the_documents() -> None:
    from analysis.attribution import METHODS

    text = (ROOT / "docs" / "attribution.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `.*\|$", text, re.MULTILINE)
    assert rows == [
        f"| `{method.key}` | {method.label} | {method.cost} | {method.source} | {method.limits} |"
        for method in METHODS.values()
    ]
