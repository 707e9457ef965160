"""Validation data given by the user, appended to the training samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length

from skconvattn.data import Rows
from skconvattn.estimators.inputs import (
    check_shape,
    checked_targets,
    checked_weights,
    series_to_predict,
)


def with_validation_data(estimator: Any, source: Rows, validation_data: Any) -> Rows:
    """Append validation data to the samples of a fit.

    Parameters
    ----------
    estimator : estimator
        Estimator whose preparation is that of the fit.
    source : Rows
        The samples of the fit.
    validation_data : tuple of (X, y) or (X, y, sample_weight)
        Series, targets and weights, as for a fit.

    Returns
    -------
    Rows
        The samples of the fit, then the validation samples.

    Raises
    ------
    ValueError
        If the data are not valid or unlike those of the fit.
    """
    if not isinstance(validation_data, tuple | list) or len(validation_data) not in (2, 3):
        raise ValueError(
            f"validation_data is a {type(validation_data).__name__} that is not (X, y) or "
            "(X, y, sample_weight); give series and targets to validate on as a tuple, or None."
        )
    try:
        rows = _rows(estimator, *validation_data)
    except ValueError as error:
        raise ValueError(f"validation_data does not match the data of the fit: {error}") from error
    arrays = zip(source.arrays, rows.arrays, strict=True)
    return Rows(*(np.concatenate(pair) for pair in arrays))


def _rows(estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> Rows:
    preparation = estimator._preparation_
    panel = series_to_predict(estimator, X)
    check_shape(estimator, panel, preparation, longest=preparation.n_timepoints)
    y = checked_targets(estimator, y, estimator._numeric_targets)
    check_consistent_length(panel.values, y)
    targets = estimator._encode_targets(y, panel, resume=True)
    weights = checked_weights(sample_weight, panel.values)
    # As in the data of the fit, samples of weight zero do not count as members of their class.
    kept = np.flatnonzero(weights)
    targets, weights = targets[kept], weights[kept]
    weights = estimator._weighted_by_target(targets, weights)
    series, *mask = preparation.inputs(panel, kept)
    return Rows(
        series,
        estimator._scale_targets(targets, weights, resume=True),
        (weights / weights.mean()).astype(np.float32),
        *mask,
    )
