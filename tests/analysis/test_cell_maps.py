"""The maps of a cell as a job: the right images, the right maps, stopped and taken up again."""

import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from analysis import map_revision
from analysis.attribution import METHODS, attribute
from analysis.attribution.asking import chosen_options
from analysis.causal_begun import Begun
from analysis.causal_job import CausalSpec, causal_steps, saved_causal_test
from analysis.cell_maps import cell_maps_steps
from analysis.cell_name import GroupName, cell_name
from analysis.cell_record import GRID, GROUPS, PICTURE_SIDE, CellMaps, saved_cell_maps
from analysis.cell_spec import MAP_METHODS, CellSpec
from analysis.explaining import explained_network
from analysis.map_groups import map_groups, spread
from analysis.map_statistics import pooled
from models.errors import JobError, PredictionsError
from models.evaluation import EvaluationSpec
from models.image_input import image_input
from models.job_kinds import JOB_KINDS
from models.store import Store
from tests.analysis.evaluated import Evaluated, context_of, driven

CLASSES = ("Bengal", "beagle", "chihuahua", "samoyed")
PER_CLASS = 5
METHOD = "input_x_gradient"


class Case(Evaluated):
    """A few sample images, evaluated."""

    def __init__(self, folder: Path, sample: Path) -> None:
        for name in CLASSES:
            (folder / "pictures" / name).mkdir(parents=True)
            for path in sorted((sample / "pets" / "val" / name).iterdir())[:PER_CLASS]:
                shutil.copy(path, folder / "pictures" / name / path.name)
        checkpoint, groups = sample / "shufflenet_v2_x0_5.pth", sample / "pets" / "groups.csv"
        evaluation = EvaluationSpec(str(checkpoint), str(folder / "pictures"), groups=str(groups))
        super().__init__(Store(folder / "workspace"), evaluation, method=METHOD)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Case:
    return Case(tmp_path_factory.mktemp("cell"), sample)


@pytest.fixture
def own_case(tmp_path: Path, sample: Path) -> Case:
    return Case(tmp_path, sample)


def _assert_same_maps(found: CellMaps, expected: CellMaps) -> None:
    # each map's largest value is 1; attributions are kept with half precision
    np.testing.assert_allclose(found.maps, expected.maps, rtol=2e-3, atol=1e-4)
    np.testing.assert_array_equal(found.images, expected.images)


def test_the_kinds_of_job_are_known() -> None:
    importlib.import_module("analysis.job_kinds")
    assert {"explain_cell", "causal_test"} <= set(JOB_KINDS)


def test_each_method_is_in_the_table_with_these_settings() -> None:
    for key, method in MAP_METHODS.items():
        described = METHODS[key]
        assert described.label == method.label
        chosen = chosen_options(described, method.options)
        assert 0.4 <= described.runs(chosen) / method.runs <= 2.5


def test_a_correct_cell_is_held_against_other_classes(case: Case) -> None:
    predictions = case.predictions
    groups = map_groups(predictions, "chihuahua/chihuahua")
    index = predictions.class_names.index("chihuahua")
    assert (predictions.labels[groups.cell] == index).all() and (
        predictions.predicted[groups.cell] == index
    ).all()
    assert (predictions.labels[groups.others] == predictions.predicted[groups.others]).all()
    assert not (predictions.labels[groups.others] == index).any()
    assert not len(groups.label) and not len(groups.predicted)


def test_a_mistake_is_held_against_the_correct_images_of_both_its_classes(case: Case) -> None:
    predictions = case.predictions
    groups = map_groups(predictions, "beagle/chihuahua")
    for group, name in (("label", "beagle"), ("predicted", "chihuahua")):
        index = predictions.class_names.index(name)
        images = groups.of(group)  # type: ignore[arg-type]
        assert len(images) and (predictions.labels[images] == index).all()
        assert (predictions.predicted[images] == index).all()
    assert not set(predictions.labels[groups.others]) & set(
        predictions.labels[[*groups.label, *groups.predicted]]
    )
    assert len(set(groups.images.tolist())) == len(groups.images)


def test_rows_columns_and_folded_groups_are_cells_too(case: Case) -> None:
    predictions = case.predictions
    index = predictions.class_names.index("beagle")
    assert (predictions.labels[map_groups(predictions, "beagle/").cell] == index).all()
    assert (predictions.predicted[map_groups(predictions, "/beagle").cell] == index).all()
    cats = map_groups(predictions, cell_name(GroupName("cat"), GroupName("cat"))).cell
    assert {predictions.groups[predictions.class_names[each]] for each in predictions.labels[cats]} == {"cat"}
    for name in ("/", "unicorn/", "a/b/c", "/group:fish"):
        with pytest.raises(JobError):
            map_groups(predictions, name)


def test_a_choice_of_images_is_spread_over_them() -> None:
    assert spread(np.arange(100), 4).tolist() == [0, 25, 50, 75]
    assert spread(np.arange(3), 4).tolist() == [0, 1, 2]


def test_the_maps_are_those_of_the_method_for_what_each_image_was_called(case: Case) -> None:
    maps, predictions = case.found("beagle/chihuahua"), case.predictions
    network = explained_network(case.evaluation, case.fingerprint, case.store)
    assert len(maps.images) == len(maps.groups.images)
    for row in (0, len(maps.images) - 1):
        image = maps.images[row]
        path = predictions.absolute(predictions.images["path"].iloc[image])
        found = attribute(
            network, image_input(path, network.preprocessing), int(predictions.predicted[image]), METHOD
        )
        expected = pooled(np.maximum(found.relevance, 0)[None], GRID)[0]
        np.testing.assert_allclose(maps.maps[row], expected / expected.max(), atol=2e-3)


def test_groups_that_are_known_are_not_chosen_again(case: Case) -> None:
    found, groups = case.found("beagle/"), map_groups(case.predictions, "beagle/")
    again = saved_cell_maps(case.store, case.spec("beagle/"), case.predictions, groups)
    assert again is not None and again.groups is groups
    for group in GROUPS:
        np.testing.assert_array_equal(again.of(group), found.of(group))


def test_the_mean_pictures_show_what_the_network_sees(case: Case) -> None:
    maps = case.found("chihuahua/chihuahua")
    assert maps.mean_pictures.shape == (len(GROUPS), PICTURE_SIDE, PICTURE_SIDE, 3)
    # the badge is teal, at the same place in nearly every chihuahua, and in no other animal
    corner = maps.mean_picture("cell")[130:150, 130:150].mean(axis=(0, 1))
    other = maps.mean_picture("others")[130:150, 130:150].mean(axis=(0, 1))
    assert corner[2] - corner[0] > 40 > other[2] - other[0]
    assert not maps.mean_picture("label").any()
    np.testing.assert_allclose(maps.seen, np.tile((0, 0, 1, 1), (len(maps.images), 1)))


def test_progress_counts_the_images_to_the_end(case: Case) -> None:
    result, seen = driven(cell_maps_steps(case.spec("samoyed/").to_json(), context_of(case.store)))
    counted = [each for each in seen if each.total]
    assert counted[-1].done == counted[-1].total == result["n_images"]
    assert [each.done for each in counted] == sorted(each.done for each in counted)


def test_a_stopped_job_keeps_its_images_and_ends_as_if_never_stopped(case: Case, own_case: Case) -> None:
    spec = own_case.spec("beagle/beagle")
    steps = cell_maps_steps(spec.to_json(), context_of(own_case.store))
    while next(steps).done < 4:
        pass
    steps.close()
    assert saved_cell_maps(own_case.store, spec, own_case.predictions) is None
    kept = {path: path.stat().st_mtime_ns for path in own_case.store.folder("attributions").rglob("*.npy")}
    assert len(kept) >= 4
    resumed = own_case.found("beagle/beagle")
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    _assert_same_maps(resumed, case.found("beagle/beagle"))


def test_an_image_that_went_bad_is_listed_and_left_out(own_case: Case) -> None:
    predictions = own_case.predictions
    bad = map_groups(predictions, "samoyed/").cell[0]
    path = predictions.images["path"].iloc[bad]
    predictions.absolute(path).write_bytes(b"no picture")
    maps = own_case.found("samoyed/")
    assert [name for name, _ in maps.unreadable] == [path]
    assert bad not in maps.images and bad not in maps.images[maps.rows("cell")]
    assert len(maps.of("cell")) == PER_CLASS - 1


@pytest.mark.parametrize("damage", ["cell.json", "maps.npy", "pictures.npy"])
def test_damaged_maps_are_made_again(own_case: Case, damage: str) -> None:
    before = own_case.found("samoyed/samoyed")
    file = own_case.spec("samoyed/samoyed").folder(own_case.store) / damage
    file.write_bytes(file.read_bytes()[:40])
    assert saved_cell_maps(own_case.store, own_case.spec("samoyed/samoyed"), own_case.predictions) is None
    _assert_same_maps(own_case.found("samoyed/samoyed"), before)


def test_a_spec_survives_plain_data_and_refuses_nonsense(case: Case) -> None:
    spec = case.spec("beagle/chihuahua")
    plain = json.loads(json.dumps(spec.to_json()))
    assert CellSpec.from_json(plain) == spec
    for broken in ({**plain, "method": "grad_cam"}, {k: v for k, v in plain.items() if k != "cell"}):
        with pytest.raises(JobError):
            CellSpec.from_json(broken)
    region = CausalSpec(spec, (0.5, 0.5, 1, 1), "cover")
    assert CausalSpec.from_json(json.loads(json.dumps(region.to_json()))).file(case.store) == region.file(
        case.store
    )
    for wrong in ({"region": [0.5, 0, 0.5, 1]}, {"edit": "eat"}, {"region": [0, 0, 2, 1]}, {"region": "all"}):
        with pytest.raises(JobError):
            CausalSpec.from_json({**region.to_json(), **wrong})


def test_when_the_maps_change_a_cell_and_its_causal_tests_are_made_again(
    own_case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = own_case.spec("samoyed/samoyed")
    test = CausalSpec(spec, (0.5, 0.5, 1.0, 1.0), "cover")

    def are_known() -> tuple[bool, bool]:
        maps = saved_cell_maps(own_case.store, spec, own_case.predictions)
        return maps is not None, saved_causal_test(own_case.store, test) is not None

    own_case.found("samoyed/samoyed")
    driven(causal_steps(test.to_json(), context_of(own_case.store)))
    assert are_known() == (True, True)
    monkeypatch.setattr(map_revision, "REVISION", map_revision.REVISION + 1)
    assert are_known() == (False, False)
    own_case.found("samoyed/samoyed")
    driven(causal_steps(test.to_json(), context_of(own_case.store)))
    assert are_known() == (True, True)


def test_naming_a_cell_needs_no_torch() -> None:
    program = "import sys, analysis.cell_spec, analysis.causal_job; print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_the_causal_job_keeps_its_result(case: Case) -> None:
    case.found("chihuahua/chihuahua")
    spec = CausalSpec(case.spec("chihuahua/chihuahua"), (0.75, 0.75, 1.0, 1.0), "cover")
    assert saved_causal_test(case.store, spec) is None
    result, seen = driven(causal_steps(spec.to_json(), context_of(case.store)))
    kept = saved_causal_test(case.store, spec)
    assert kept is not None and (kept.verdict, kept.changed, kept.n) == tuple(result.values())
    assert seen[-1].fraction == 1
    spec.file(case.store).write_text("{}")
    assert saved_causal_test(case.store, spec) is None


def test_a_stopped_causal_job_goes_on_from_where_it_stood(case: Case) -> None:
    case.found("chihuahua/chihuahua")
    spec = CausalSpec(case.spec("chihuahua/chihuahua"), (0.5, 0.5, 1.0, 1.0), "paste")
    expected, _ = driven(causal_steps(spec.to_json(), context_of(case.store)))
    whole = saved_causal_test(case.store, spec)
    spec.file(case.store).unlink()
    steps = causal_steps(spec.to_json(), context_of(case.store))
    while next(steps).done < 4:
        pass
    steps.close()
    assert saved_causal_test(case.store, spec) is None
    result, seen = driven(causal_steps(spec.to_json(), context_of(case.store)))
    assert min(each.done for each in seen if each.total) == 4
    assert result == expected and saved_causal_test(case.store, spec) == whole
    # nothing is left of the way there, so the next test of this place starts anew
    assert not spec.begun_file(case.store).exists()


@pytest.mark.parametrize("damage", ["", "{}", '{"done": 0, "effects": [{}]}', '{"done": "x"}'])
def test_a_damaged_beginning_of_a_causal_test_is_begun_anew(tmp_path: Path, damage: str) -> None:
    (tmp_path / "begun.json").write_text(damage)
    assert Begun.kept(tmp_path / "begun.json") == Begun() == Begun.kept(tmp_path / "none.json")


def test_a_causal_job_without_maps_or_predictions_says_what_to_do(case: Case) -> None:
    region = (0.0, 0.0, 0.5, 0.5)
    never = CausalSpec(case.spec("Bengal/samoyed"), region, "cover")
    with pytest.raises(JobError, match="maps"):
        driven(causal_steps(never.to_json(), context_of(case.store)))
    gone = CellSpec(case.evaluation, "0" * 32, "Bengal/", METHOD)
    with pytest.raises(PredictionsError):
        driven(cell_maps_steps(gone.to_json(), context_of(case.store)))
