"""torchvision's import is mended where its operators are missing, and left alone elsewhere."""

import builtins
import importlib
import sys
from types import ModuleType

import pytest
import torch

from models import torchvision_import


def test_torchvision_is_there() -> None:
    assert torchvision_import.torchvision.models.resnet18 is not None


def _import_failing_first(monkeypatch: pytest.MonkeyPatch, message: str) -> list[str]:
    """Make the next import of torchvision fail once; return the operators that are then defined."""
    defined: list[str] = []
    real, failed = builtins.__import__, []

    def failing(name: str, *args: object, **kwargs: object) -> ModuleType:
        if name == "torchvision" and not failed:
            failed.append(name)
            raise RuntimeError(message)
        return real(name, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", failing)
    monkeypatch.setattr(torch.library, "define", lambda name, signature: defined.append(name))
    monkeypatch.delitem(sys.modules, "models.torchvision_import")
    return defined


def test_missing_operators_are_defined_and_the_import_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    defined = _import_failing_first(monkeypatch, "operator torchvision::nms does not exist")
    mended = importlib.import_module("models.torchvision_import")
    assert defined == ["torchvision::nms", "torchvision::qnms"]
    assert mended.torchvision is torchvision_import.torchvision


def test_other_errors_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    defined = _import_failing_first(monkeypatch, "something else is wrong")
    with pytest.raises(RuntimeError, match="something else"):
        importlib.import_module("models.torchvision_import")
    assert defined == []


def test_where_the_builds_match_nothing_is_defined(monkeypatch: pytest.MonkeyPatch) -> None:
    defined: list[str] = []
    monkeypatch.setattr(torch.library, "define", lambda name, signature: defined.append(name))
    monkeypatch.delitem(sys.modules, "models.torchvision_import")
    importlib.import_module("models.torchvision_import")
    assert defined == []
