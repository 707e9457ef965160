"""The network of the pretrained forecaster: self-attention over patches a season apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skconvattn.data.patches import (
    ALIGNED_WIDTH,
    N_ALIGNED,
    N_FEATURES,
    N_RECENT,
    PATCH,
    RECENT_WIDTH,
)

if TYPE_CHECKING:
    import keras

# Quantiles that the network forecasts.
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
# Share of the median in the loss; the other quantiles have the rest.
_MEDIAN_SHARE = 0.5
# A window counts with at most this loss.
_MOST_LOSS = 20.0


def pretrained_network(width: int = 192, n_layers: int = 4, n_heads: int = 4) -> keras.Model:
    r"""Build the network.

    A token per patch and one for the forecast pass through pre-norm Transformer layers (Vaswani et
    al., 2017, arXiv 1706.03762; patches as in Nie et al., 2023, "PatchTST", arXiv 2211.14730), and
    the last token is read off:

    .. math:: \hat q_{h,\tau} = y^\mathrm{naive}_h + \sigma\, g_{h,\tau}(x_\mathrm{forecast})

    with the standard deviation :math:`\sigma` of the window.

    Parameters
    ----------
    width : int
        Channels of a token.
    n_layers : int
        Transformer layers.
    n_heads : int
        Heads of each.

    Returns
    -------
    keras.Model
        From the arrays of :meth:`~skconvattn.data.patches.Patches.inputs` to (batch, PATCH,
        n_levels): what is added to the seasonal naive forecast, in standard deviations.
    """
    import keras
    from keras import ops

    n_tokens = N_ALIGNED + N_RECENT
    aligned = keras.Input((N_ALIGNED, ALIGNED_WIDTH), name="aligned")
    recent = keras.Input((N_RECENT, RECENT_WIDTH), name="recent")
    features = keras.Input((N_FEATURES,), name="features")
    valid = keras.Input((n_tokens,), name="valid", dtype="bool")
    described = keras.layers.Dense(width, name="features_embedding")(features)
    tokens = keras.layers.Concatenate(axis=1)(
        [
            keras.layers.Dense(width, use_bias=False, name="aligned_embedding")(aligned),
            keras.layers.Dense(width, use_bias=False, name="recent_embedding")(recent),
        ]
    )
    tokens = tokens + ops.expand_dims(described, 1)
    query = keras.layers.Dense(width, activation="gelu", name="query_embedding")(features)
    x = ops.concatenate([tokens, ops.expand_dims(query, 1)], axis=1)
    mask = ops.concatenate([valid, ops.ones_like(valid[:, :1])], axis=1)
    for number in range(n_layers):
        last = number == n_layers - 1
        x = _transformer_layer(x, mask, n_heads, f"layer_{number}", last=last)
    x = keras.layers.LayerNormalization(epsilon=1e-5, name="final_norm")(x[:, 0])
    steps = keras.layers.Dense(
        PATCH * len(LEVELS),
        name="steps",
        kernel_initializer=keras.initializers.VarianceScaling(0.01),
    )(x)
    quantiles = ops.reshape(steps, (-1, PATCH, len(LEVELS)))
    return keras.Model([aligned, recent, features, valid], ordered(quantiles), name="pretrained")


def ordered(quantiles: Any) -> Any:
    """Turn the median and the distances from it into quantiles in increasing order."""
    from keras import ops

    middle = len(LEVELS) // 2
    median = quantiles[..., middle : middle + 1]
    below = ops.flip(ops.cumsum(ops.flip(ops.softplus(quantiles[..., :middle] - 2.0), -1), -1), -1)
    above = ops.cumsum(ops.softplus(quantiles[..., middle + 1 :] - 2.0), -1)
    return ops.concatenate([median - below, median, median + above], axis=-1)


def scaled_pinball(targets: Any, quantiles: Any) -> Any:
    """Return twice the pinball loss of each window, in units of its change between seasons.

    Parameters
    ----------
    targets : tensor of shape (batch, 2 * steps)
        Scaled values, and then their weights.
    quantiles : tensor of shape (batch, steps, n_levels)
        Forecasts.

    Returns
    -------
    tensor of shape (batch,)
        The losses.
    """
    from keras import ops

    actual, weights = ops.split(targets, 2, axis=-1)
    of_others = (1 - _MEDIAN_SHARE) / (len(LEVELS) - 1)
    each = [_MEDIAN_SHARE if level == 0.5 else of_others for level in LEVELS]
    # As tensors: torch multiplies none by arrays.
    levels, shares = (ops.convert_to_tensor(np.array(v, "float32")) for v in (LEVELS, each))
    error = actual[..., None] - quantiles
    loss = 2 * ops.maximum(levels * error, (levels - 1) * error)
    by_step = ops.sum(loss * shares, axis=-1)
    return ops.minimum(ops.sum(by_step * weights, axis=-1), _MOST_LOSS)


def _transformer_layer(x: Any, mask: Any, n_heads: int, name: str, *, last: bool) -> Any:
    """Apply attention and a feed-forward network; of the last layer, to the last token only."""
    import keras

    from skconvattn.layers import MultiHeadSelfAttention

    width = x.shape[-1]
    normed = keras.layers.LayerNormalization(epsilon=1e-5, name=f"{name}_attention_norm")(x)
    attended = MultiHeadSelfAttention(
        n_heads,
        width // n_heads,
        use_bias=False,
        positions="learned",
        name=f"{name}_attention",
    )(normed, mask=mask)
    if last:
        x, attended = x[:, -1:], attended[:, -1:]
    x = x + attended
    normed = keras.layers.LayerNormalization(epsilon=1e-5, name=f"{name}_dense_norm")(x)
    inner = keras.layers.Dense(4 * width, activation="silu", name=f"{name}_inner")(normed)
    return x + keras.layers.Dense(width, name=f"{name}_outer")(inner)
