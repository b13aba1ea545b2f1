"""A slow attribution as a job: it shows what it knows, keeps what it finished, stops when told."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import analysis.job_kinds  # noqa: F401 - makes the kinds known
from analysis import explaining
from analysis.attribution import Contrast, attribute
from analysis.attribution.saved import saved_attribution
from analysis.explaining import NEWEST_MAPS, ExplainSpec, explain_steps, newest_step, seconds_of_one_run
from models.errors import JobError, PredictionsError
from models.evaluation import EvaluationSpec
from models.fingerprints import content_key
from models.image_input import image_input
from models.job_context import JobContext
from models.job_kinds import lane_of
from models.jobs import Jobs
from models.network import Network
from models.predictions import Predictions
from models.store import Store
from tests.models.calibrated import calibrated_network
from tests.models.test_jobs import ended, wait_for


@pytest.fixture
def spec(tmp_path: Path, made: Predictions) -> ExplainSpec:
    evaluation = EvaluationSpec(str(tmp_path / "net.pth"), str(tmp_path / "pictures"))
    return ExplainSpec(
        evaluation=evaluation,
        predictions=made.fingerprint,
        image=str(made.absolute(made.images["path"].iloc[0])),
        targets=(0, (1, 0)),
        method="smooth_grad",
        options={"samples": 9},
    )


@pytest.fixture
def every_map(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explaining, "SECONDS_BETWEEN_MAPS", 0.0)


def test_the_spec_survives_as_plain_data(spec: ExplainSpec) -> None:
    assert ExplainSpec.from_json(spec.to_json()) == spec
    assert spec.asked() == (0, Contrast(1, 0))
    with pytest.raises(JobError, match="needs 'method'"):
        ExplainSpec.from_json({key: value for key, value in spec.to_json().items() if key != "method"})


def test_maps_are_seen_while_they_improve_and_kept_at_the_end(
    spec: ExplainSpec, context: JobContext, store: Store, network: Network, every_map: None
) -> None:
    steps, fractions = explain_steps(spec.to_json(), context), []
    expected = [
        attribute(network, image_input(Path(spec.image), network.preprocessing), target, "smooth_grad", samples=9)
        for target in spec.asked()
    ]  # fmt: skip
    for progress in steps:
        found = newest_step(store, "a-job", spec)
        if 0 < progress.fraction < 1:
            assert found is not None and found.fraction == pytest.approx(progress.fraction, abs=1e-3)
            assert [each.target for each in found.attributions] == [0, Contrast(1, 0)]
            fractions.append(found.fraction)
    assert len(fractions) >= 2 and fractions == sorted(fractions)
    assert not (context.folder / NEWEST_MAPS).exists()
    for each in expected:
        kept = saved_attribution(
            store, network.fingerprint, content_key(Path(spec.image)), each.target, "smooth_grad", samples=9
        )
        assert kept is not None
        np.testing.assert_allclose(kept.relevance, each.relevance, atol=2e-3 * each.relevance.max())


def test_a_stopped_job_keeps_its_last_maps(spec: ExplainSpec, store: Store) -> None:
    jobs = Jobs(store)
    try:
        id = jobs.submit("explain", replace(spec, options={"samples": 200}).to_json(), title="Explain")
        wait_for(lambda: newest_step(store, id, spec) or not jobs.status(id).is_active, seconds=30)
        assert jobs.status(id).is_active, jobs.status(id).error
        jobs.cancel(id)
        assert ended(jobs, id).state == "cancelled"
        found = newest_step(store, id, spec)
        assert found is not None and 0 < found.fraction < 1
        assert found.attributions[0].relevance.max() > 0
    finally:
        jobs.close()


def test_a_lost_evaluation_is_said_in_words(spec: ExplainSpec, context: JobContext) -> None:
    with pytest.raises(PredictionsError, match="gone from the workspace"):
        list(explain_steps(replace(spec, predictions="0" * 32).to_json(), context))


def test_damaged_maps_are_no_maps(spec: ExplainSpec, context: JobContext, store: Store) -> None:
    assert newest_step(store, "a-job", spec) is None
    (context.folder / NEWEST_MAPS).write_bytes(b"\x93NUMPY but cut")
    assert newest_step(store, "a-job", spec) is None


def test_one_run_is_measured_once() -> None:
    network = calibrated_network("shufflenet_v2_x0_5", seed=5)
    first = seconds_of_one_run(network)
    assert first is not None and 0 < first < 60
    assert seconds_of_one_run(network) == first


def test_a_large_input_is_reckoned_by_its_area() -> None:
    network = calibrated_network("shufflenet_v2_x0_5", seed=5)
    network = replace(network, preprocessing=replace(network.preprocessing, resize=None, crop=None))
    usual, large = seconds_of_one_run(network), seconds_of_one_run(network, (448, 896))
    assert usual is not None and large == pytest.approx(8 * usual)


def test_a_program_for_one_size_is_timed_at_that_size_only() -> None:
    class Fixed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = torch.nn.Linear(3 * 32 * 32, 2)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            answer: torch.Tensor = self.head(inputs.flatten(1))
            return answer

    network = calibrated_network("shufflenet_v2_x0_5", seed=5)
    free = replace(network.preprocessing, resize=None, crop=None)
    fixed = replace(network, module=Fixed().eval(), preprocessing=free, kind="torchscript", head=None)
    seconds = seconds_of_one_run(fixed, (32, 32))
    assert seconds is not None and 0 < seconds < 60
    assert seconds_of_one_run(fixed) is None
    assert seconds_of_one_run(fixed, (48, 32)) is None


def test_long_explanations_have_a_lane_of_their_own() -> None:
    assert len({lane_of(kind) for kind in ("explain", "explain_long", "trust", "evaluate")}) == 4
