"""The part of a forecaster that draws: Monte-Carlo dropout, and whole distributions."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from skconvattn.engine.isolation import generator_from
from skconvattn.engine.sampling import sampled_outputs
from skconvattn.forecasting.forecasts import Learned
from skconvattn.forecasting.predicting import PredictingForecaster, last_windows

if TYPE_CHECKING:
    from sktime.forecasting.base import ForecastingHorizon

# Levels that stand for a whole distribution: 0.01, 0.02, ..., 0.99.
_LEVELS = np.arange(1, 100) / 100


class SamplingForecaster(PredictingForecaster):
    """Samples and distributions from what was learned."""

    def sample(
        self,
        n_samples: int = 100,
        fh: Any = None,
        X: pd.DataFrame | None = None,
        random_state: Any = None,
    ) -> pd.DataFrame:
        """Draw forecasts with dropout on: Monte-Carlo dropout.

        Each sample keeps other parts of the network, and forecasts steps beyond the horizon from
        its own forecasts. The spread shows what the network is unsure of; the noise of the series
        comes on top of it, see ``predict_interval``. After Gal and Ghahramani (2016), "Dropout as
        a Bayesian Approximation".

        Parameters
        ----------
        n_samples : int, default=100
            Forecasts to draw.
        fh : int, sequence of int or ForecastingHorizon, optional
            Steps ahead, from 1; those of the fit by default.
        X : pandas.DataFrame, optional
            Regressors over the horizon, if the forecaster was fitted with any that are known
            ahead.
        random_state : int, numpy.random.RandomState or None
            Determines the samples; the forecaster's own by default.

        Returns
        -------
        pandas.DataFrame of shape (n_steps, n_targets * n_samples)
            Rows as ``predict`` has them; columns are a target and the number of a sample.

        Raises
        ------
        ValueError
            If the forecaster has no dropout, ``n_samples`` is below 1, or steps lie inside the
            series.

        Warns
        -----
        UserWarning
            If all samples are equal, since the network was not better than the linear map.

        Examples
        --------
        >>> from sktime.datasets import load_airline
        >>> from skconvattn import ConvAttentionForecaster
        >>> forecaster = ConvAttentionForecaster(branch_dropout=0.3, epochs=5, random_state=0)
        >>> samples = forecaster.fit(load_airline(), fh=range(1, 13)).sample(50)
        >>> samples.shape
        (12, 50)
        """
        self.check_is_fitted()
        if not hasattr(self, "_learned"):
            raise ValueError(
                f"{type(self).__name__} holds one forecaster a series; draw from the entries of "
                "forecaster.forecasters_."
            )
        self._check_sampling(n_samples)
        horizon = self._check_fh(fh)
        stamps = self._stamps(horizon)
        steps = self._steps_ahead(stamps)
        if steps.min() < 1:
            raise ValueError(
                f"fh={horizon.to_pandas().tolist()!r} has steps inside the series; draw samples "
                "of steps ahead, from 1."
            )
        own = self.random_state if random_state is None else random_state
        values = self._draw(n_samples, steps, X, generator_from(own))
        drawn = values.reshape(*values.shape[:2], -1, n_samples)
        if n_samples > 1 and (drawn == drawn[..., :1]).all():
            warnings.warn(
                f"All {n_samples} samples are equal, since no epoch of training was better than "
                "the linear map that it started from, which has no dropout; use predict_interval, "
                "or train with early_stopping=False.",
                UserWarning,
                stacklevel=2,
            )
        columns = pd.MultiIndex.from_product(
            [self._panel_seen.first.y.columns, range(n_samples)], names=[None, "sample"]
        )
        return self._framed(values, stamps, columns)

    def _draw(
        self,
        n_samples: int,
        steps: np.ndarray,
        X: pd.DataFrame | None,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Return samples in the units of ``y``: (n_series, n_steps, n_targets * n_samples)."""
        learned, panel = self._learned, self._panel_seen
        known = self._known_of_all(steps, X)
        windows = last_windows(panel, learned)
        # Samples outermost, so that the targets of a series stay together.
        places = learned.places_of(panel)
        outputs = learned.ahead(
            np.tile(windows, (n_samples, 1, 1)),
            np.tile(known, (n_samples, 1, 1)),
            None if places is None else np.tile(places, n_samples),
            lambda inputs: sampled_outputs(learned.model, inputs, rng),
        )
        middle = outputs[..., outputs.shape[-1] // 2]
        by_series = middle.reshape(n_samples, len(steps), panel.n_targets, -1)
        drawn = []
        for i, history in enumerate(panel.histories):
            one = by_series[:, i][..., steps[i] - 1].transpose(2, 0, 1)  # (step, sample, target)
            values = history.scaling.reverse(one).transpose(0, 2, 1)
            drawn.append(values.reshape(len(values), -1))
        return np.stack(drawn)

    def _check_sampling(self, n_samples: int) -> None:
        if n_samples < 1:
            raise ValueError(f"n_samples={n_samples} draws nothing; use n_samples >= 1.")
        learned: Learned = self._learned
        shares = [learned.head.dropout, dict(learned.model.spec.parameters).get("dropout", 0.0)]
        if not any(shares):
            raise ValueError(
                "Without dropout all samples are the same; fit with branch_dropout=0.2 or "
                "dropout=0.2."
            )

    def _predict_var(
        self, fh: ForecastingHorizon, X: pd.DataFrame | None, cov: bool = False
    ) -> pd.DataFrame:
        """Return the variance over the central 99 %, in proportion to that of a normal one.

        With weights of the normal density, it is exact for normal quantiles, and one far quantile
        does not decide it.
        """
        deviates = np.linspace(-1, 1, 201) * norm.ppf(0.995)
        weights = norm.pdf(deviates) / norm.pdf(deviates).sum()
        stamps, values = self._quantile_values(fh, X, norm.cdf(deviates))
        distances = values - (values @ weights)[..., None]
        variance = (distances**2 @ weights) / (deviates**2 @ weights)
        return self._framed(variance, stamps, self._panel_seen.first.y.columns)

    def _predict_proba(
        self, fh: ForecastingHorizon, X: pd.DataFrame | None, marginal: bool = True
    ) -> Any:
        """Return the distribution of quantiles at the levels 0.01 to 0.99."""
        try:
            from skpro.distributions import QPD_Empirical
        except ImportError as error:
            raise ImportError(
                "predict_proba gives a distribution of skpro, which is not installed; install it "
                "with pip install 'skconvattn[probabilistic]'."
            ) from error
        stamps, values = self._quantile_values(fh, X, _LEVELS)
        columns = self._panel_seen.first.y.columns
        frames = [self._framed(values[..., i], stamps, columns) for i in range(len(_LEVELS))]
        return QPD_Empirical(
            pd.concat(frames, keys=_LEVELS), index=frames[0].index, columns=frames[0].columns
        )
