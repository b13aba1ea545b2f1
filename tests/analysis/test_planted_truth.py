"""Every fault planted in the sample is found, as docs/findings.md says, and without the faults all is silent."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from analysis.duplicates import Duplicates
from analysis.evaluate_training import training_leakage
from analysis.finding_record import Finding
from analysis.finding_sources import finding_sources
from analysis.findings import FindingSources, findings
from analysis.slice_record import Slices
from analysis.survey import survey
from models.checkpoint import load_checkpoint
from models.images import open_image_set
from models.predictions import Predictions, predict
from models.progress import finished
from models.store import Store
from sample_data.builder import shot_bytes
from sample_data.faults import Shot, shots
from tests.conftest import ROOT, SAMPLE

DOCUMENT = ROOT / "docs" / "findings.md"
PLANTED = json.loads((SAMPLE / "planted.json").read_text(encoding="utf-8"))


@dataclass
class Looked:
    """A set of images with everything that was found in it."""

    predictions: Predictions
    sources: FindingSources

    @property
    def found(self) -> list[Finding]:
        return findings(self.predictions, self.sources)

    @property
    def slices(self) -> Slices:
        assert self.sources.slices is not None
        return self.sources.slices

    @property
    def duplicates(self) -> Duplicates:
        assert self.sources.duplicates is not None
        return self.sources.duplicates

    def paths(self, rows: object) -> set[str]:
        return set(self.predictions.images["path"].iloc[np.asarray(rows, dtype=int)])


def looked(store: Store, pets: Path) -> Looked:
    """The validation images in a folder, and the sample's training images beside them."""
    network = load_checkpoint(SAMPLE / "shufflenet_v2_x0_5.pth")
    images = open_image_set(pets, split="val", groups=SAMPLE / "pets" / "groups.csv")
    predictions = predict(network, images, store=store)
    surveyed = finished(survey(predictions, store), print)
    leakage = training_leakage(predictions, network, (SAMPLE / "pets", "train"), store, print)
    return Looked(predictions, finding_sources(predictions, surveyed, [leakage]))


def null_pictures(folder: Path) -> Path:
    """The validation images without faults: those the sample has too are taken from there, the others drawn."""
    ordinary = {drawn_as(shot): shot.path for shot in shots(with_faults=True) if shot.copy_of is None}
    for shot in shots(with_faults=False):
        if shot.split == "val":
            path = folder / "pets" / shot.path
            path.parent.mkdir(parents=True, exist_ok=True)
            same = ordinary.get(drawn_as(shot))
            path.write_bytes(shot_bytes(shot) if same is None else (SAMPLE / "pets" / same).read_bytes())
    return folder / "pets"


def drawn_as(shot: Shot) -> tuple[object, ...]:
    """All that decides what is drawn."""
    return shot.split, shot.breed, shot.number, repr(shot.wish), shot.marked, shot.fault == "corrupt"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("workspace"))


@pytest.fixture(scope="module")
def sample(store: Store) -> Looked:
    return looked(store, SAMPLE / "pets")


@pytest.fixture(scope="module")
def null(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Looked:
    return looked(store, null_pictures(tmp_path_factory.mktemp("null")))


def pair_ends(each: Looked) -> set[frozenset[str]]:
    grouped = [set(group.members) for group in each.sources.groups]
    beyond = [frozenset((pair.a, pair.b)) for pair in each.sources.pairs if pair.q_value <= 0.05]
    return {ends for ends in beyond if not any(ends <= members for members in grouped)}


def leaked(each: Looked, kind: str) -> set[tuple[str, str]]:
    return {
        (row_path, "/".join(Path(pair.path).parts[-3:]))
        for leakage in each.sources.leakages
        for pair in leakage.pairs
        if pair.kind == kind
        for row_path in each.paths([pair.row])
    }


def label_paths(each: Looked) -> set[str]:
    assert each.sources.labels is not None
    return {one.path for one in each.sources.labels.candidates if one.is_beyond_chance}


def slice_paths(each: Looked) -> set[str]:
    return {path for found in each.slices.confirmed for path in each.paths(found.rows)}


@dataclass(frozen=True)
class Fault:
    """A kind of planted fault: what was planted, and what is said of a set."""

    name: str
    planted: set[object]
    found: Callable[[Looked], set[object]]
    by: str


def copies(key: str) -> set[object]:
    return {(each["val"], each["train"]) for each in PLANTED[key]}


FAULTS = [
    Fault("look-alike pair", {frozenset(PLANTED["look_alikes"]["pair"])}, lambda s: set(pair_ends(s)), "pairs"),
    Fault(
        "look-alike trio",
        {frozenset(PLANTED["look_alikes"]["trio"])},
        lambda s: {frozenset(group.members) for group in s.sources.groups},
        "groups",
    ),
    Fault(
        "wrong labels",
        {each["path"] for each in PLANTED["mislabelled"]},
        lambda s: set(label_paths(s)),
        "label candidates beyond chance",
    ),
    Fault("exact copies of training images", copies("exact_duplicates"), lambda s: set(leaked(s, "exact")), "leakage"),
    Fault("altered copies of training images", copies("near_duplicates"), lambda s: set(leaked(s, "near")), "leakage"),
    Fault(
        "errors across species",
        {each["path"] for each in PLANTED["cross_species"]},
        lambda s: s.paths([error.index for error in s.sources.rare if error.crosses_group]),
        "rare errors",
    ),
    Fault("low light", set(PLANTED["low_light"]), lambda s: set(slice_paths(s)), "confirmed slices"),
    Fault(
        "file cut off",
        {each["path"] for each in PLANTED["corrupt"]},
        lambda s: {each.path for each in s.predictions.unreadable},
        "unreadable files",
    ),
]  # fmt: skip


def row(fault: Fault, sample: Looked, null: Looked) -> str:
    found, right = fault.found(sample), fault.planted & fault.found(sample)
    n_null = len(fault.found(null))
    return (
        f"| {fault.name} | {len(fault.planted)} | {fault.by} | {len(right)} of {len(fault.planted)} | "
        f"{len(right)} of {len(found)} | {n_null or 'silent'} |"
    )


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_planted_fault_is_found_as_the_document_says(
    fault: Fault, sample: Looked, null: Looked
) -> None:
    rows = re.findall(
        rf"^\| {re.escape(fault.name)} \|.*$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert rows == [row(fault, sample, null)]


def test_without_the_faults_nothing_is_found_but_what_is_there_too(null: Looked) -> None:
    """The look-alikes are part of the null sample; one error across species is the network's own."""
    assert {each.kind for each in null.found} <= {"pair", "group", "rare"}
    assert pair_ends(null) | {frozenset(group.members) for group in null.sources.groups} <= {
        frozenset(PLANTED["look_alikes"]["pair"]),
        frozenset(PLANTED["look_alikes"]["trio"]),
    }
    assert not null.slices.confirmed and not null.duplicates.clusters and not label_paths(null)
    assert null.sources.calibration is not None and null.sources.calibration.direction == "honest"
    assert not any(leakage.pairs for leakage in null.sources.leakages)


def test_the_findings_of_the_sample_lead_with_what_was_planted(sample: Looked) -> None:
    kinds = [each.kind for each in sample.found]
    assert kinds[0] == "group" and {"pair", "slice", "labels", "rare", "leakage"} <= set(kinds)
    assert len(kinds) <= 10
