"""Groups of images that look alike to the network and fail alike.

A mixture of Gaussians over what the network sees, the label, and what it said: errors of one kind come
together. It is fitted on one half of the images; on the other half each image is placed by what the network
sees and its label alone, so that an error cannot choose its own slice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analysis.confusion import Booleans, Floats, Integers
from analysis.row_blocks import ROWS_AT_ONCE, row_blocks

if TYPE_CHECKING:
    from models.prediction_record import Predictions

Rows = Integers | slice

COMPONENTS = 25
_IMAGES_A_COMPONENT = 12
_DIRECTIONS = 20
_SHARED_COMPONENTS = 8
_SHARED_DIRECTIONS = 10
_CLASS_NUMBERS = 48
"""Above so many classes, random projections stand for the label and the probabilities."""
_WEIGHT = 10.0
_MOST_FITTED = 12_000
_LEAST_VARIANCE = 1e-2
_NO_VARIANCE = 1e-10


@dataclass(frozen=True, eq=False)
class EmbeddingSpace:
    """What the mixture is fitted on, without the probabilities.

    Args:
        seen: (N, K) float32, the main directions of the embeddings, each of variance 1.
        shared: (N, L) float32, the main directions of what the embeddings say beyond the class and the answer, in
            one scale: what images of many classes have in common.
        class_places: (C, L) float32: where each class lies; the probabilities are weighted by the same.
    """

    seen: npt.NDArray[np.float32]
    shared: npt.NDArray[np.float32]
    class_places: npt.NDArray[np.float32]


def embedding_space(predictions: Predictions) -> EmbeddingSpace | None:
    """The main directions of the embeddings beyond the answer; None without embeddings, or where all are alike.

    Memory: the embeddings are read in blocks; what is kept has some 70 numbers an image.
    """
    if predictions.embeddings is None or len(predictions) < 2:
        return None
    n = len(predictions)
    seen, spread = _main_directions(partial(_known_rows, predictions.embeddings), n, _DIRECTIONS)
    if not seen.shape[1]:
        return None
    shared, widths = _main_directions(_Rest(predictions).rows, n, _SHARED_DIRECTIONS)
    # here one scale for all: what sets the images apart most should lead
    shared /= max(float(widths.max(initial=0)), 1e-12)
    places = _class_places(len(predictions.class_names))
    return EmbeddingSpace((seen / spread).astype(np.float32), shared.astype(np.float32), places)


def _known_rows(embeddings: npt.NDArray[np.float32], rows: Rows) -> npt.NDArray[np.float32]:
    return np.asarray(np.nan_to_num(embeddings[rows]))


class _Rest:
    """What the embeddings say beyond the answer.

    The answer is a linear function of the embedding, so images near another class are close together in it, and
    wrong: a group of them tells nothing that the answers don't. So from each embedding the mean of its class is
    taken, and what the answer (less its class's mean) predicts of it by least squares.
    """

    def __init__(self, predictions: Predictions) -> None:
        assert predictions.embeddings is not None
        self.embeddings, self.labels = predictions.embeddings, predictions.labels
        n_classes = len(predictions.class_names)
        self._means = _class_means(self.embeddings, self.labels, n_classes)
        answers = _answers(predictions)
        self._answers = answers - _class_means(answers, self.labels, n_classes)[self.labels]
        gram = (self._answers.T @ self._answers).astype(np.float64)
        products = np.zeros((answers.shape[1], self.embeddings.shape[1]))
        for part in row_blocks(len(self.embeddings)):
            products += self._answers[part].T @ self._centred(part)
        self._weights = (np.linalg.pinv(gram, rcond=1e-6, hermitian=True) @ products).astype(np.float32)

    def _centred(self, rows: Rows) -> npt.NDArray[np.float32]:
        return np.asarray(_known_rows(self.embeddings, rows) - self._means[self.labels[rows]])

    def rows(self, rows: Rows) -> npt.NDArray[np.float32]:
        """(M, D) of the images asked for."""
        return np.asarray(self._centred(rows) - self._answers[rows] @ self._weights)


def _answers(predictions: Predictions) -> npt.NDArray[np.float32]:
    """(N, <= ``_CLASS_NUMBERS``) the logits (else logs of probabilities, else the prediction), if many compressed."""
    scores = predictions.logits if predictions.logits is not None else predictions.probabilities
    places = _class_places(len(predictions.class_names))
    if scores is None:
        return places[predictions.predicted]
    blocks = []
    for part in row_blocks(len(scores)):
        block: npt.NDArray[Any] = np.asarray(scores[part], np.float32)
        if predictions.logits is None:
            block = np.log(np.clip(block, 1e-7, 1))
        answers: npt.NDArray[Any] = (block - block.mean(axis=1, keepdims=True)) @ places
        blocks.append(answers)
    return np.asarray(np.nan_to_num(np.concatenate(blocks)).astype(np.float32))


def _class_means(array: npt.NDArray[np.float32], labels: Integers, n_classes: int) -> npt.NDArray[np.float32]:
    sums = np.zeros((n_classes, array.shape[1]))
    for part in row_blocks(len(array)):
        np.add.at(sums, labels[part], np.nan_to_num(array[part]))
    n = np.maximum(np.bincount(labels, minlength=n_classes), 1)
    means: npt.NDArray[np.float32] = (sums / n[:, None]).astype(np.float32)
    return means


def _main_directions(
    read: Callable[[Rows], npt.NDArray[np.float32]], size: int, n: int
) -> tuple[Floats, Floats]:
    """(N, K) principal components and (K,) their standard deviations, K <= n."""
    from sklearn.decomposition import PCA

    fitted = read(_sample(np.arange(size), _MOST_FITTED))
    if fitted.var(axis=0).sum() <= _NO_VARIANCE:
        return np.zeros((size, 0)), np.zeros(0)
    solver = "randomized" if min(fitted.shape) > 100 else "full"
    pca = PCA(min(n, *fitted.shape), random_state=0, svd_solver=solver).fit(fitted)
    spread = np.sqrt(pca.explained_variance_)
    kept = spread > max(1e-4 * float(spread.max(initial=0)), 1e-6)
    axes = pca.components_[kept].T
    blocks = [(read(part) - pca.mean_) @ axes for part in row_blocks(size)]
    return np.concatenate(blocks).astype(np.float64), spread[kept].astype(np.float64)


def _class_places(n_classes: int) -> npt.NDArray[np.float32]:
    if n_classes <= _CLASS_NUMBERS:
        return np.eye(n_classes, dtype=np.float32)
    # random directions keep distances between classes, about, in fewer numbers (Johnson and Lindenstrauss)
    drawn = np.random.default_rng(0).standard_normal((n_classes, _CLASS_NUMBERS))
    places: npt.NDArray[np.float32] = (drawn / np.sqrt(_CLASS_NUMBERS)).astype(np.float32)
    return places


def embedding_components(predictions: Predictions, space: EmbeddingSpace, explored: Booleans) -> Integers:
    """Fit the mixture on one half and place all images, the label known and the probabilities not.

    Args:
        predictions: N images.
        space: see `embedding_space`.
        explored: (N,) the half on which it is fitted.

    Returns:
        (N,) the component of each image.

    Source:
        S. Eyuboglu et al., Domino: discovering systematic errors with cross-modal embeddings, 2022.
    """
    from sklearn.mixture import GaussianMixture

    rows = _sample(np.flatnonzero(explored), _MOST_FITTED)
    known = _known(predictions, space, rows)
    table = np.concatenate([known, _said(predictions, space, rows)], axis=1).astype(np.float64)
    n = max(2, min(COMPONENTS, len(rows) // _IMAGES_A_COMPONENT))
    mixture = GaussianMixture(
        n, covariance_type="diag", reg_covar=_LEAST_VARIANCE, random_state=0, max_iter=100, tol=1e-2
    )
    _fit(mixture, table)
    places = [
        _most_likely(_known(predictions, space, part), mixture) for part in row_blocks(len(predictions))
    ]
    return np.concatenate(places)


def shared_components(space: EmbeddingSpace) -> Integers:
    """Groups across the classes: by what sets images apart from others of their class.

    The errors are not looked at, so all images take part in the fit.

    Returns:
        (N,) the component of each image; all 0 where images of a class do not differ.
    """
    from sklearn.mixture import GaussianMixture

    table = space.shared.astype(np.float64)
    rows = _sample(np.arange(len(table)), _MOST_FITTED)
    n = min(_SHARED_COMPONENTS, len(rows) // (2 * _IMAGES_A_COMPONENT))
    if not table.shape[1] or n < 2:
        return np.zeros(len(table), int)
    mixture = GaussianMixture(
        n, covariance_type="diag", reg_covar=_LEAST_VARIANCE, random_state=0, max_iter=100, tol=1e-2
    )
    _fit(mixture, table[rows])
    return np.concatenate([_most_likely(table[part], mixture) for part in row_blocks(len(table))])


def _fit(mixture: Any, table: Floats) -> None:
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # a mixture that stopped early is as good a proposal: the other half decides
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(table)


def _most_likely(known: npt.NDArray[np.floating[Any]], mixture: Any) -> Integers:
    """The component of each image by the columns that are known: those of a diagonal Gaussian stand alone."""
    means, variances = (each[:, : known.shape[1]] for each in (mixture.means_, mixture.covariances_))
    constants = np.log(mixture.weights_) - 0.5 * np.log(variances).sum(axis=1)
    scaled = (known**2) @ (1 / variances).T - 2 * known @ (means / variances).T
    likely = constants - 0.5 * (scaled + (means**2 / variances).sum(axis=1))
    return np.asarray(likely.argmax(axis=1))


def _known(predictions: Predictions, space: EmbeddingSpace, rows: Rows) -> npt.NDArray[np.float32]:
    labels = space.class_places[predictions.labels[rows]]
    return np.concatenate([space.seen[rows], _WEIGHT * labels], axis=1)


def _said(predictions: Predictions, space: EmbeddingSpace, rows: Integers) -> npt.NDArray[np.float32]:
    """The probabilities (without any: the prediction) in the places of the classes."""
    if predictions.probabilities is None:
        return np.float32(_WEIGHT) * space.class_places[predictions.predicted[rows]]
    blocks = [
        predictions.probabilities[part] @ space.class_places
        for part in np.array_split(rows, len(rows) // ROWS_AT_ONCE + 1)
    ]
    said: npt.NDArray[np.float32] = np.concatenate(blocks).astype(np.float32)
    return said * np.float32(_WEIGHT)


def central_first(space: EmbeddingSpace, rows: Integers) -> Integers:
    """Some images, those nearest to the middle of them first."""
    seen = space.shared[rows]
    distances = np.linalg.norm(seen - np.median(seen, axis=0), axis=1)
    return np.asarray(rows[np.argsort(distances, kind="stable")])


def _sample(rows: Integers, most: int) -> Integers:
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
