"""The networks that are open in this process, shared by pages and jobs. Needs no torch until one is opened."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from models.errors import CheckpointError
from models.evaluation import opened_network
from models.evaluation_spec import EvaluationSpec
from models.prediction_record import Predictions

if TYPE_CHECKING:
    from models.network import Network

KEPT = 2
_open: OrderedDict[str, Network] = OrderedDict()
_locks: dict[str, threading.Lock] = {}
_lock = threading.Lock()


def shared_network(spec: EvaluationSpec, made: Predictions) -> Network:
    """The network that made these predictions, opened once for everybody who asks.

    The last two stay open. Nobody may hook or change what is shared; explaining it with
    ``analysis.attribution`` does neither.

    Args:
        spec: the files and choices it was opened with.
        made: its saved predictions; they name its classes where the checkpoint does not.

    Raises:
        CheckpointError: the file is gone, or holds other weights than those that made the predictions.
    """
    key = json.dumps([spec.to_json(), made.network_fingerprint], sort_keys=True)
    with _lock:
        opening = _locks.setdefault(key, threading.Lock())
    # One opens, whoever asks for the same waits for it, and others open theirs meanwhile.
    with opening:
        with _lock:
            known = _open.get(key)
            if known is not None:
                _open.move_to_end(key)
                return known
        network = _opened(spec, made)
        with _lock:
            _open[key] = network
            while len(_open) > KEPT:
                oldest, _ = _open.popitem(last=False)
                _locks.pop(oldest, None)
        return network


def _opened(spec: EvaluationSpec, made: Predictions) -> Network:
    network = opened_network(spec)
    if network.placeholder_names:
        network = network.with_class_names(made.class_names, "the images")
    if network.fingerprint != made.network_fingerprint:
        raise CheckpointError(
            f"{spec.checkpoint} has changed since it made these predictions, so it can't explain them.",
            next_step="Open the model and images again: the present checkpoint is then evaluated.",
            title="Another network than the one that was evaluated",
        )
    return network
