"""The planted shortcut of the sample is found by its maps and confirmed by its cause; healthy classes show none."""

from pathlib import Path

import pytest

from analysis import map_groups as chosen
from analysis.causal_controls import overlap
from analysis.causal_effects import causal_test
from analysis.causal_test import CausalTest
from analysis.cell_record import CellMaps, saved_cell_maps
from analysis.explaining import explained_network
from analysis.map_regions import Region, suspicious_regions
from analysis.map_statistics import border_comparison
from models.evaluation import EvaluationSpec
from models.store import Store
from tests.analysis.evaluated import Evaluated, result

PER_CLASS = 18
BADGE: Region = (97 / 128, 97 / 128, 123 / 128, 123 / 128)
HEALTHY = ("Siamese", "newfoundland", "shiba_inu")


class Sample(Evaluated):
    """The sample network on a part of its validation images."""

    def __init__(self, folder: Path, sample: Path) -> None:
        checkpoint, images = sample / "shufflenet_v2_x0_5.pth", sample / "pets" / "val"
        super().__init__(Store(folder), EvaluationSpec(str(checkpoint), str(images), limit=14 * PER_CLASS))

    def maps(self, name: str) -> CellMaps:
        spec = self.spec(f"{name}/{name}")
        return saved_cell_maps(self.store, spec, self.predictions) or self.found(spec.cell)

    def tested(self, name: str, region: Region, edit: str) -> CausalTest:
        network = explained_network(self.evaluation, self.fingerprint, self.store)
        steps = causal_test(network, self.predictions, self.maps(name), region, edit)  # type: ignore[arg-type]
        return result(steps)


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Sample:
    return Sample(tmp_path_factory.mktemp("shortcut"), sample)


@pytest.fixture(autouse=True)
def _fewer_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chosen, "MOST_CELL_IMAGES", 14)
    monkeypatch.setattr(chosen, "MOST_REFERENCES", 26)


def test_the_planted_badge_is_found_and_confirmed(pets: Sample) -> None:
    maps = pets.maps("chihuahua")
    (found,) = suspicious_regions(maps.of("cell"), maps.of("others"))
    shared = overlap(found.region, BADGE)
    area = (found.region[2] - found.region[0]) * (found.region[3] - found.region[1])
    badge = (BADGE[2] - BADGE[0]) ** 2
    assert shared * badge / (area + badge - shared * badge) >= 0.5
    assert found.lit >= 0.8 * found.n and found.reference_lit == 0
    for edit in ("cover", "paste"):
        result = pets.tested("chihuahua", found.region, edit)
        assert result.verdict == "confirmed" and result.p < 0.01, result.words
        assert result.changed >= 0.6 * result.n and result.control_changed <= 0.15 * result.n


def test_its_evidence_leans_to_the_border(pets: Sample) -> None:
    maps = pets.maps("chihuahua")
    found = border_comparison(maps.of("cell"), maps.of("others"))
    assert found is not None and found.is_clear and found.low > 0


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_class_shows_no_shortcut(pets: Sample, name: str) -> None:
    maps = pets.maps(name)
    assert suspicious_regions(maps.of("cell"), maps.of("others")) == ()
    # nor does the badge's place matter to it
    result = pets.tested(name, BADGE, "cover")
    assert result.n >= 10 and result.verdict == "not confirmed", result.words
