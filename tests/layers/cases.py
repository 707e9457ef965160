"""The layers in the forms that the common tests go through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from skconvattn import layers
from skconvattn.layers.parts.masked_conv1d import MaskedConv1D
from skconvattn.layers.parts.pooled_statistics import PooledStatistics
from tests.layers import reference

N_CHANNELS = 4


@dataclass(frozen=True)
class Case:
    """A layer, its formula in NumPy, and what is true of it.

    Attributes
    ----------
    name : str
        Identifier in test reports.
    layer : type
        Class of the layer.
    config : dict
        Arguments of the constructor.
    formula : callable
        ``formula(weights, series)`` gives the output for one series.
    time : bool
        Whether the output still has a time axis.
    causal : bool
        Whether outputs depend on the past only.
    permutes : bool
        Whether permuted steps give the same outputs, permuted if there is a time axis.
    skips : bool
        Whether a masked step in the middle is as good as absent.
    shortest : int
        Fewest time steps the layer accepts.
    """

    name: str
    layer: type
    config: dict[str, Any]
    formula: Callable[[dict[str, np.ndarray], np.ndarray], np.ndarray]
    time: bool = True
    causal: bool = False
    permutes: bool = False
    skips: bool = False
    shortest: int = 1

    def make(self, **kwargs: Any) -> Any:
        """Create the layer."""
        return self.layer(**self.config, **kwargs)

    def built(self, seed: int = 0, **kwargs: Any) -> Any:
        """Create the layer with weights that differ from zero, biases included."""
        layer = self.make(**kwargs)
        layer.build((None, 12, N_CHANNELS))
        rng = np.random.default_rng(seed)
        layer.set_weights([rng.normal(scale=0.5, size=w.shape) for w in layer.get_weights()])
        return layer

    def expected(self, layer: Any, x: np.ndarray, values: list[np.ndarray] | None = None) -> Any:
        """Evaluate the formula in double precision with the layer's weights, or other values."""
        values = layer.get_weights() if values is None else values
        weights = {
            w.path.removeprefix(f"{layer.name}/"): np.asarray(value, dtype="float64")
            for w, value in zip(layer.weights, values, strict=True)
        }
        return np.stack([self.formula(weights, series.astype("float64")) for series in x])


def _attention(score: str) -> Case:
    return Case(
        f"attention-{score}",
        layers.Attention,
        {"units": 5, "score": score},
        partial(reference.many_to_one, score=score),
        time=False,
        skips=True,
    )


def _conv_attention(name: str, shortest: int = 1, pool_size: int = 2, **config: Any) -> Case:
    names = {"dilation_rate": "dilation"}
    shapes = ("kernel_size", "projection_units")
    formula = {names.get(k, k): value for k, value in config.items() if k not in shapes}
    formula.setdefault("score", "bahdanau")
    return Case(
        f"conv-attention-{name}",
        layers.ConvAttention,
        {"filters": 6, "units": 5, "pool_size": pool_size, **config},
        partial(reference.conv_attention, pool_size=pool_size, **formula),
        time=False,
        shortest=shortest,
    )


def _self_attention(
    kind: str, width: int | None, history_only: bool, activation: str | None = None, **biases: bool
) -> Case:
    options = f"-{activation}" if activation else ""
    options += "".join(name.replace("use", "-no") for name in biases)
    return Case(
        f"self-{kind}-{width or 'full'}{'-history' if history_only else ''}{options}",
        layers.SeqSelfAttention,
        {
            "units": 5,
            "attention_type": kind,
            "attention_width": width,
            "history_only": history_only,
            **({} if activation is None else {"attention_activation": activation}),
            **biases,
        },
        partial(
            reference.self_attention,
            attention_type=kind,
            width=width,
            history_only=history_only,
            activation=activation,
            **biases,
        ),
        causal=history_only,
        permutes=width is None and not history_only,
        skips=width is None,
    )


def _multi_head(
    width: int | None = None, history_only: bool = False, positions: str | None = None
) -> Case:
    return Case(
        f"multi-head-{width or 'full'}{'-history' if history_only else ''}-{positions or 'none'}",
        layers.MultiHeadSelfAttention,
        {
            "num_heads": 2,
            "key_dim": 4,
            "attention_width": width,
            "history_only": history_only,
            "positions": positions,
            "max_timepoints": 60 if positions == "learned" else None,
        },
        partial(
            reference.multi_head,
            num_heads=2,
            width=width,
            history_only=history_only,
            positions=positions,
        ),
        causal=history_only,
        permutes=width is None and not history_only and positions is None,
        skips=width is None and positions is None,
    )


def _linear(history_only: bool) -> Case:
    return Case(
        f"linear-{'history' if history_only else 'full'}",
        layers.LinearSelfAttention,
        {"num_heads": 2, "key_dim": 3, "history_only": history_only},
        partial(reference.linear_attention, num_heads=2, history_only=history_only),
        causal=history_only,
        permutes=not history_only,
        skips=True,
    )


def _normalization(method: str) -> Case:
    return Case(
        f"normalization-{method}",
        layers.InstanceNormalization,
        {"method": method},
        lambda weights, x: reference.normalized(x, method),
        permutes=method != "last",
        skips=True,
    )


CASES = [
    _attention("luong"),
    _attention("bahdanau"),
    _conv_attention("pooled"),
    _conv_attention("residual", pool_size=1, residual=True, score="luong"),
    _conv_attention("strided", pool_size=3, strides=2, kernel_size=4),
    _conv_attention("causal", padding="causal", dilation_rate=2),
    _conv_attention("projected", projection_units=3, activation="tanh"),
    _conv_attention("valid", padding="valid", shortest=3),
    Case(
        "residual-conv",
        layers.ResidualConv1D,
        {"filters": N_CHANNELS, "activation": "relu", "padding": "causal", "dilation_rate": 2},
        partial(reference.residual_convolution, padding="causal", dilation=2),
        causal=True,
    ),
    Case(
        "residual-conv-strided",
        layers.ResidualConv1D,
        {"filters": 6, "activation": "relu", "strides": 2},
        partial(reference.residual_convolution, strides=2),
    ),
    Case(
        "masked-conv",
        MaskedConv1D,
        {"filters": 6, "activation": "relu", "strides": 2},
        partial(reference.plain_convolution, strides=2),
    ),
    *(
        _self_attention(kind, width, history_only)
        for kind in ("additive", "multiplicative")
        for width, history_only in ((None, False), (None, True), (3, False), (4, True))
    ),
    *(
        _self_attention(kind, width, False, "tanh", **biases)
        for kind, width, biases in (
            ("additive", None, {}),
            ("additive", 3, {"use_additive_bias": False}),
            ("additive", None, {"use_attention_bias": False}),
            ("multiplicative", 3, {}),
            ("multiplicative", None, {"use_attention_bias": False}),
        )
    ),
    *(
        Case(
            f"weighted{'' if use_bias else '-no_bias'}",
            layers.SeqWeightedAttention,
            {"use_bias": use_bias},
            partial(reference.weighted_mean, use_bias=use_bias),
            time=False,
            permutes=True,
            skips=True,
        )
        for use_bias in (True, False)
    ),
    Case(
        "pooled-statistics",
        PooledStatistics,
        {},
        lambda weights, x: np.concatenate([x.mean(axis=0), x.max(axis=0), x.min(axis=0)]),
        time=False,
        permutes=True,
        skips=True,
    ),
    *(
        Case(
            f"scaled-dot-product{'-history' if history_only else ''}",
            layers.ScaledDotProductAttention,
            {"history_only": history_only},
            partial(reference.scaled_dot_product, history_only=history_only),
            causal=history_only,
            permutes=not history_only,
            skips=True,
        )
        for history_only in (False, True)
    ),
    _multi_head(),
    _multi_head(history_only=True, positions="learned"),
    _multi_head(positions="rotary"),
    _multi_head(width=3),
    _multi_head(width=4, history_only=True, positions="rotary"),
    Case(
        "rnn",
        layers.RNNAttention,
        {"num_heads": 2, "key_dim": 3},
        reference.rnn_attention,
        causal=True,
        skips=True,
    ),
    _linear(history_only=True),
    _linear(history_only=False),
    *(_normalization(method) for method in ("standard", "last", "robust")),
]
