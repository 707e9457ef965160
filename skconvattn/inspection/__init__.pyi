from .attention_animation import AttentionAnimation
from .attention_display import AttentionDisplay
from .backtest_display import BacktestDisplay
from .forecast_display import ForecastDisplay, ForecastGrid
from .loss_curve_display import LossCurveDisplay
from .members_display import MembersDisplay
from .uncertainty_display import UncertaintyDisplay
from .weights import attention_weights

__all__ = [
    "AttentionAnimation",
    "AttentionDisplay",
    "BacktestDisplay",
    "ForecastDisplay",
    "ForecastGrid",
    "LossCurveDisplay",
    "MembersDisplay",
    "UncertaintyDisplay",
    "attention_weights",
]
