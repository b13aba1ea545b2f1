"""Whether the network's features tell two classes apart where its last layer does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from analysis.confusion import Floats
from analysis.pair_separation import auc_interval

if TYPE_CHECKING:
    from models.prediction_record import Predictions

Verdict = Literal["few", "head", "features", "both", "unclear"]
FEWEST = 10
"""Images of each class, below which nothing is said."""
MOST = 300
"""Images of each class that are looked at; more would change little and take long."""
_FOLDS = 5
_DRAWS = 2000
_GAIN = 0.05
_WELL = 0.95


@dataclass(frozen=True)
class FeatureSeparation:
    """How well two classes are told apart by new eyes on the network's features, and by the network itself.

    Args:
        n_a: images of a that were looked at.
        n_b: images of b that were looked at.
        auc: of the new classifier, on images it was not fitted on, 0 to 1; nan with too few images.
        auc_interval: its 95 % interval.
        accuracy: the mean of both classes' shares of right images, of the new classifier; nan with too few.
        own_accuracy: the same of the network, asked to choose between the two only.
        difference: accuracy - own_accuracy.
        difference_interval: its 95 % interval (the images drawn anew).
        verdict: "few": fewer than ``FEWEST`` images of a class; "head": the features tell them apart better than the
            last layer does; "features": they do not; "both": both tell them apart well; "unclear": too uncertain.
    """

    n_a: int
    n_b: int
    auc: float
    auc_interval: tuple[float, float]
    accuracy: float
    own_accuracy: float
    difference: float
    difference_interval: tuple[float, float]
    verdict: Verdict

    @property
    def words(self) -> str:
        """What follows from it, as a hypothesis."""
        figures = f"{self.accuracy:.0%} right against {self.own_accuracy:.0%}"
        if self.verdict == "few":
            return (
                f"There are too few images to say whether the features tell the two apart: {self.n_a} and {self.n_b}, "
                f"and {FEWEST} of each are needed."
            )
        if self.verdict == "head":
            return (
                f"The features tell the two apart where the network's last layer does not ({figures}): retraining the "
                "last layer may be enough."
            )
        if self.verdict == "both":
            return (
                f"Both the features and the last layer tell the two apart ({figures}): the confused images are "
                "exceptions, so look at them one by one."
            )
        if self.verdict == "features":
            return (
                f"A new classifier on the same features, fitted on {self.n_a + self.n_b} images only, tells the two "
                f"apart no better than the network does ({figures}): more or other training images, a larger input or "
                "a larger network may help, retraining the last layer hardly."
            )
        low, high = self.difference_interval
        return (
            f"It is not clear whether the features tell the two apart better than the network's last layer "
            f"({figures}; the difference may be anything from {low:+.0%} to {high:+.0%}). More images would tell."
        )


def feature_separation(predictions: Predictions, a: int, b: int) -> FeatureSeparation | None:
    """Fit a new classifier on the embeddings of two classes and compare it with the network.

    A logistic regression on standardised embeddings of D numbers, with C = 1/D (the scores' prior variance is then
    1) and classes of equal weight, in five stratified folds; each image is judged by the one that was not fitted on it.
    With far fewer images than numbers it sees what many features share, and may miss what a single one says.

    Args:
        predictions: with embeddings and probabilities (or logits).
        a: a class index.
        b: another.

    Returns:
        The figures, on at most ``MOST`` images of each class (evenly spaced through the list); None without
        embeddings or probabilities.
    """
    scores_of = predictions.probabilities if predictions.logits is None else predictions.logits
    if predictions.embeddings is None or scores_of is None:
        return None
    sides = [spaced(np.flatnonzero(predictions.labels == index)) for index in (a, b)]
    n_a, n_b = len(sides[0]), len(sides[1])
    nothing = (float("nan"), float("nan"))
    if min(n_a, n_b) < FEWEST:
        return FeatureSeparation(n_a, n_b, np.nan, nothing, np.nan, np.nan, np.nan, nothing, "few")
    rows = np.concatenate(sides)
    is_b = np.repeat([False, True], [n_a, n_b])
    own = scores_of[rows, b].astype(float) - scores_of[rows, a]
    new = out_of_fold_scores(np.asarray(predictions.embeddings[rows], dtype=float), is_b)
    return _compared(new, own, is_b)


def out_of_fold_scores(embeddings: Floats, is_b: npt.NDArray[np.bool_]) -> Floats:
    """A new classifier's score of each image, fitted on the other folds.

    Args:
        embeddings: (N, D).
        is_b: (N,) which of the two classes.

    Returns:
        (N,) above 0 for the second class.
    """
    # scikit-learn takes a second to import: only who fits pays
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classifier = make_pipeline(
        StandardScaler(),
        LogisticRegression(C=1 / embeddings.shape[1], class_weight="balanced", max_iter=1000),
    )
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    scores: Floats = cross_val_predict(classifier, embeddings, is_b, cv=folds, method="decision_function")
    return scores


def spaced(rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """At most ``MOST`` of the rows, evenly spaced through the list."""
    return rows[np.linspace(0, len(rows) - 1, MOST).astype(int)] if len(rows) > MOST else rows


def _compared(new: Floats, own: Floats, is_b: npt.NDArray[np.bool_]) -> FeatureSeparation:
    n_a, n_b = int((~is_b).sum()), int(is_b.sum())
    auc = _auc(new, is_b)
    # right, given the class, 1 or 0: (N,) of both, so that the same images are drawn for both
    right, own_right = ((scores > 0) == is_b for scores in (new, own))
    drawn = _drawn_differences(right.astype(float) - own_right, is_b)
    low, high = (float(end) for end in np.quantile(drawn, [0.025, 0.975]))
    accuracy, own_accuracy = _balanced(right, is_b), _balanced(own_right, is_b)
    return FeatureSeparation(
        n_a, n_b, auc, auc_interval(auc, n_a, n_b), accuracy, own_accuracy, accuracy - own_accuracy, (low, high),
        _verdict(accuracy, own_accuracy, low, high),
    )  # fmt: skip


def _verdict(accuracy: float, own_accuracy: float, low: float, high: float) -> Verdict:
    if low > 0:
        return "head"
    if min(accuracy, own_accuracy) >= _WELL:
        return "both"
    return "features" if high < _GAIN else "unclear"


def _balanced(right: npt.NDArray[np.bool_], is_b: npt.NDArray[np.bool_]) -> float:
    return float((right[is_b].mean() + right[~is_b].mean()) / 2)


def _drawn_differences(differences: npt.NDArray[Any], is_b: npt.NDArray[np.bool_]) -> Floats:
    """(draws,) the mean difference of both classes, with the images of each class drawn anew."""
    rng = np.random.default_rng(0)
    total = np.zeros(_DRAWS)
    for side in (differences[is_b], differences[~is_b]):
        # differences are -1, 0 or 1, so it is enough to draw how many of each
        chances = [(side == value).mean() for value in (-1, 0, 1)]
        counts = rng.multinomial(len(side), chances, size=_DRAWS)
        total += (counts[:, 2] - counts[:, 0]) / len(side) / 2
    return total


def _auc(scores: Floats, is_b: npt.NDArray[np.bool_]) -> float:
    # scipy takes a third of a second to import; scikit-learn has just imported it
    from scipy.stats import rankdata

    n_b = int(is_b.sum())
    above = rankdata(scores)[is_b].sum() - n_b * (n_b + 1) / 2
    return float(above / (n_b * (len(scores) - n_b)))
