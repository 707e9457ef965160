from .dask_forecaster import DaskForecaster
from .members import spread_members

__all__ = ["DaskForecaster", "spread_members"]
