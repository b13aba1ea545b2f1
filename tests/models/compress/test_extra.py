"""What only int8 needs is an extra of its own: pinned, installed for the tests, and never asked for by the rest."""

import re
import tomllib

from models.onnx_runtime import has_onnx_runtime
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def names(lines: list[str]) -> set[str]:
    return {re.split(r"[<>=]", line)[0].lower() for line in lines if line and not line.startswith("#")}


def test_the_extra_is_pinned_by_a_lock_of_its_own() -> None:
    lock = (ROOT / "requirements-export.lock").read_text(encoding="utf-8").splitlines()
    assert names(PROJECT["optional-dependencies"]["export"]) <= names(lock)
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+|#.*", line) for line in lock if line)
    usual = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    assert not names(lock) & names(usual), "whoever only runs the app need not install it"


def test_the_tests_run_with_it() -> None:
    assert has_onnx_runtime(), 'run "make onnx", or the tests with "make test"'
