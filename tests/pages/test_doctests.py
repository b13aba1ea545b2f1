"""The examples in the docstrings of pages; those of page scripts cannot be collected, which run when imported."""

import doctest
import importlib
from pathlib import Path

import pytest

from tests.conftest import ROOT

FILES = [
    path for path in sorted((ROOT / "pages").rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_examples(path: Path) -> None:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted and not found.failed
