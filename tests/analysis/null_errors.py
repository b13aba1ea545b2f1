"""Confusion matrices without structure: which class is taken for which follows from how often each errs."""

import numpy as np


def null_counts(rng: np.random.Generator, n_classes: int, per_class: int, error_rate: float) -> np.ndarray:
    """(C, C) counts; each class makes and attracts errors at a pace of its own."""
    made, drawn = rng.gamma(2, size=n_classes), rng.gamma(2, size=n_classes)
    rates = np.outer(made, drawn)
    np.fill_diagonal(rates, 0)
    errors = rng.poisson(rates * error_rate * per_class * n_classes / rates.sum())
    return errors + np.diag(np.maximum(per_class - errors.sum(axis=1), 0))
