"""What can be compared: the evaluations that this workspace keeps, with the versions that some of them are of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from models.evaluation_spec import EvaluationSpec
from models.finetune.spec import Target
from models.finetune.version_record import Version
from models.finetune.versions import FOLDER, versions
from models.recent import recent
from models.saved_predictions import is_saved
from models.store import Store
from pages.shared import state

_MOST_RESULTS = 200


@dataclass(frozen=True)
class Result:
    """A saved evaluation that can stand on either side.

    Args:
        fingerprint: of the evaluation.
        spec: the files that it was made from.
        made: when it was last opened, or its version made, in seconds since 1970.
        version: the version whose evaluation it is, or None.
        words: what a person calls it, like no other.
        is_made_here: whether the network was trained here: a version, on its own images or on others, or one that was
            deleted since.
    """

    fingerprint: str
    spec: EvaluationSpec
    made: float
    version: Version | None = None
    words: str = ""
    is_made_here: bool = False

    @property
    def target(self) -> Target | None:
        """What it was declared to mend before it was trained."""
        return None if self.version is None else self.version.finetune_spec.target

    @property
    def is_control(self) -> bool:
        """Whether it was trained to be compared with a targeted version."""
        return self.version is not None and bool(self.version.control_of)

    def is_beside(self, other: EvaluationSpec) -> bool:
        """Whether it is of the same images as another spec, as far as their path and split tell."""
        return (self.spec.images, self.spec.split) == (other.images, other.split)


def results(store: Store) -> dict[str, Result]:
    """All that can be compared, by fingerprint; what was opened last comes first."""
    kept = versions(store)
    trained = {each.evaluation: each for each in kept if is_saved(store, each.evaluation)}
    found: dict[str, Result] = {}
    for entry in recent(store, limit=_MOST_RESULTS):
        if entry.is_saved and "images" in entry.spec and entry.fingerprint not in found:
            spec, version = EvaluationSpec.from_json(entry.spec), trained.pop(entry.fingerprint, None)
            made = entry.opened if version is None else version.created
            is_made_here = version is not None or Path(spec.checkpoint).parent.parent == store.root / FOLDER
            found[entry.fingerprint] = Result(
                entry.fingerprint, spec, made, version, is_made_here=is_made_here
            )
    for fingerprint, version in trained.items():  # not among the last opened any more
        found[fingerprint] = Result(
            fingerprint, version.evaluation_spec(), version.created, version, is_made_here=True
        )
    return _named(found, {str(each.checkpoint): each.name for each in kept})


def _named(found: Mapping[str, Result], names: Mapping[str, str]) -> dict[str, Result]:
    """Give each words of its own: the images where there are several, the time where that does not do.

    Args:
        found: the results.
        names: path of a version's weights to the version's name.
    """
    several = len({state.images_words(each.spec) for each in found.values()}) > 1
    words = {}
    for key, each in found.items():
        name = names.get(each.spec.model) or Path(each.spec.model).name
        words[key] = f"{name} · {state.images_words(each.spec)}" if several else name
    times = Counter(words.values())
    return {
        key: replace(each, words=words[key] + (f" · {_when(each.made)}" if times[words[key]] > 1 else ""))
        for key, each in found.items()
    }


def _when(seconds: float) -> str:
    """A moment, to the second: two trainings may end within a minute."""
    return datetime.fromtimestamp(seconds).strftime("%d %b %H:%M:%S")


def usual_results(
    known: Mapping[str, Result], workspace: state.Workspace | None
) -> tuple[Result | None, Result | None]:
    """What most likely is to be compared.

    The open model with the newest version that was trained from it, or with another result on its images; an open
    version with its baseline; where nothing is open, the newest version with its baseline.

    Args:
        known: as `results` gives it.
        workspace: what is open, or None.

    Returns:
        Before and after; None where there is none.
    """
    newest_first = sorted(known.values(), key=lambda each: -each.made)
    trained = [each for each in newest_first if each.version is not None and not each.is_control]
    opened = None if workspace is None else known.get(workspace.fingerprint)
    if opened is None:
        return (baseline_of(trained[0], known), trained[0]) if trained else (None, None)
    other = next((each for each in newest_first if each != opened and each.is_beside(opened.spec)), None)
    if opened.version is not None:
        return baseline_of(opened, known) or other, opened
    return opened, next((each for each in trained if baseline_of(each, known) == opened), other)


def baseline_of(result: Result, known: Mapping[str, Result]) -> Result | None:
    """What a version was meant to be compared with, if that is kept; None for what is no version."""
    if result.version is None:
        return None
    spec = result.version.finetune_spec.baseline
    same = [each for each in known.values() if each.spec.model == spec.model and each.is_beside(spec)]
    return next((each for each in same if each.spec == spec), same[0] if same else None)


def control_of(after: Result, known: Mapping[str, Result]) -> Result | None:
    """The newest result that was trained as the control of a version, or None."""
    if after.version is None:
        return None
    id = after.version.id
    controls = (each for each in known.values() if each.version is not None and each.version.control_of == id)
    return max(controls, key=lambda each: each.made, default=None)
