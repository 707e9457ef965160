from .dask_forecaster import DaskForecaster

__all__ = ["DaskForecaster"]
