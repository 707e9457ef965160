from . import adapters, datasets, distributed, extend, inspection, layers, tuning
from ._registry import all_estimators
from .architectures.attention import AttentionClassifier, AttentionForecaster, AttentionRegressor
from .architectures.conv_attention import (
    ConvAttentionClassifier,
    ConvAttentionForecaster,
    ConvAttentionRegressor,
)
from .architectures.neural import NeuralClassifier, NeuralForecaster, NeuralRegressor
from .architectures.pretrained import PretrainedForecaster
from .architectures.rnn_attention import (
    RNNAttentionClassifier,
    RNNAttentionForecaster,
    RNNAttentionRegressor,
)
from .architectures.self_attention import (
    SelfAttentionClassifier,
    SelfAttentionForecaster,
    SelfAttentionRegressor,
)
from .forecasting.backtest_result import BacktestResult
from .persistence.loading import load

__all__ = [
    "AttentionClassifier",
    "AttentionForecaster",
    "AttentionRegressor",
    "BacktestResult",
    "ConvAttentionClassifier",
    "ConvAttentionForecaster",
    "ConvAttentionRegressor",
    "NeuralClassifier",
    "NeuralForecaster",
    "NeuralRegressor",
    "PretrainedForecaster",
    "RNNAttentionClassifier",
    "RNNAttentionForecaster",
    "RNNAttentionRegressor",
    "SelfAttentionClassifier",
    "SelfAttentionForecaster",
    "SelfAttentionRegressor",
    "adapters",
    "all_estimators",
    "datasets",
    "distributed",
    "extend",
    "inspection",
    "layers",
    "load",
    "tuning",
]

__version__: str
