from .attention_display import AttentionDisplay
from .forecast_display import ForecastDisplay
from .weights import attention_weights

__all__ = ["AttentionDisplay", "ForecastDisplay", "attention_weights"]
