"""Time steps at which covariates are extraordinary, so that a series may be too."""

from __future__ import annotations

import numpy as np
import pandas as pd

# A covariate within these quantiles of its own values does not explain an outlier.
_ORDINARY = 0.05


def explained_by(positions: np.ndarray, covariates: pd.DataFrame | None) -> np.ndarray:
    """Return at which time steps any covariate has a rare value: (n_timepoints,), or False."""
    if covariates is None or covariates.shape[1] == 0:
        return np.zeros(1, dtype=bool)
    explained = np.zeros(len(covariates), dtype=bool)
    for column in covariates.columns:
        values = covariates[column]
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            ranks = values.rank(pct=True, method="average").to_numpy(np.float64, na_value=0.5)
            rare = np.minimum(ranks, 1.0 - ranks) < _ORDINARY
        else:
            shares = values.map(values.value_counts(normalize=True))
            rare = shares.to_numpy(np.float64, na_value=1.0) < _ORDINARY
        explained[positions] |= rare[positions]
    return explained


def changes_of(covariates: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return by how much covariates change from one time step to the next."""
    if covariates is None:
        return None
    codes = {
        i: pd.factorize(covariates.iloc[:, i])[0]
        if not pd.api.types.is_numeric_dtype(covariates.dtypes.iloc[i])
        else covariates.iloc[:, i].astype(np.float64)
        for i in range(covariates.shape[1])
    }
    return pd.DataFrame(codes, index=covariates.index).diff()
