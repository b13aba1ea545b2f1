"""Which versions of which programs did the work. Needs no torch."""

from __future__ import annotations

import platform
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def errorscope_version() -> str:
    """The version that is installed, or that of the source folder."""
    try:
        return version("errorscope")
    except PackageNotFoundError:
        project = Path(__file__).parents[1] / "pyproject.toml"
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])


def library_versions() -> dict[str, str]:
    """Name to version of what decides what a training comes to: Errorscope, Python, torch, torchvision."""
    return {
        "errorscope": errorscope_version(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "torchvision")},
    }
