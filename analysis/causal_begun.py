"""A causal test on its way, kept after each image, so that a stopped one goes on from where it stood."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from analysis.causal_test import ImageEffect
from models.store import write_json


@dataclass
class Begun:
    """What is known of a test that has not ended.

    Args:
        done: images dealt with, in the test's order.
        effects: on those of them that take part.
    """

    done: int = 0
    effects: list[ImageEffect] = field(default_factory=list)

    @classmethod
    def kept(cls, file: Path) -> Begun:
        """What was kept; nothing done where there is no such file, or it is damaged."""
        try:
            value = json.loads(file.read_text(encoding="utf-8"))
            done, effects = int(value["done"]), list(map(ImageEffect.from_json, value["effects"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls()
        return cls(done, effects) if len(effects) <= done else cls()

    def keep(self, file: Path) -> None:
        """Write it.

        Raises:
            WorkspaceError: the workspace cannot be written.
        """
        write_json(file, {"done": self.done, "effects": [asdict(each) for each in self.effects]})
