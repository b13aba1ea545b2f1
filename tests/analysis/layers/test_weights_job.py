"""The job that reads all weights: of a checkpoint, and of a program."""

from pathlib import Path

import pytest
import torch

from analysis.layers.weight_record import saved_weights
from analysis.layers.weights_job import weights_steps
from models.evaluation import EvaluationSpec, opened_network
from models.job_context import JobContext
from models.network import Network
from models.norm_statistics import NormStatistics
from models.predictions import Predictions, predict
from models.store import Store
from tests.analysis.evaluated import driven
from tests.models.prediction_samples import CLASSES, pictures


def spec_of(evaluation: EvaluationSpec, made: Predictions) -> dict[str, object]:
    return {"evaluation": evaluation.to_json(), "predictions": made.fingerprint}


def test_the_statistics_are_kept_under_the_network(
    tmp_path: Path, store: Store, context: JobContext, made: Predictions
) -> None:
    evaluation = EvaluationSpec(str(tmp_path / "net.pth"), str(tmp_path / "pictures"))
    result, progress = driven(weights_steps(spec_of(evaluation, made), context))
    found = saved_weights(store, made.network_fingerprint)
    assert found is not None and result == {"n_layers": len(found.layers)}
    assert found.filters is not None and found.filters.layer == "conv1.0" and found.layers[-1].name == "fc"
    assert progress[-1].total == len(found.layers) and progress[-1].message == "fc"
    again, progress = driven(weights_steps(spec_of(evaluation, made), context))
    assert again == result and len(progress) == 1  # what is known is not read again


def test_a_program_is_read_as_well(
    tmp_path: Path, store: Store, context: JobContext, network: Network
) -> None:
    with pytest.warns(DeprecationWarning):
        traced = torch.jit.trace(network.module, torch.zeros(1, 3, 64, 64))
        torch.jit.save(traced, tmp_path / "program.pt")
    images = pictures(tmp_path / "pictures", 4)
    evaluation = EvaluationSpec(str(tmp_path / "program.pt"), str(tmp_path / "pictures"), trust_code=True)
    program = opened_network(evaluation).with_class_names(CLASSES, "the images")
    made = predict(program, images, store=store)
    driven(weights_steps(spec_of(evaluation, made), context))
    found = saved_weights(store, program.fingerprint)
    assert found is not None
    names = [
        name
        for name, each in network.module.named_modules()
        if isinstance(each, torch.nn.Conv2d | torch.nn.Linear)
    ]
    assert [each.name for each in found.layers] == names
    assert {each.kind for each in found.layers} == {"Conv2d", "Linear"} and found.filters is not None
    n_norms = sum(isinstance(each, torch.nn.BatchNorm2d) for each in network.module.modules())
    assert found.norms == NormStatistics(n=n_norms)
