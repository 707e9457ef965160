from .forecasting_search import OptunaForecastingSearch
from .search import OptunaSearch
from .spaces import SearchSpace, search_space

__all__ = ["OptunaForecastingSearch", "OptunaSearch", "SearchSpace", "search_space"]
