"""NumPy formulas of the layers, one series and one pair of steps at a time.

Each function takes the weights of a layer by name and one series of shape (time, channels), and
returns what the layer puts out for it. Nothing is shared with the package.
"""

from __future__ import annotations

import numpy as np

ACTIVATIONS = {"relu": lambda x: np.maximum(x, 0), "tanh": np.tanh}


def softmax(scores):
    exponentials = np.exp(scores - np.max(scores))
    return exponentials / exponentials.sum()


def many_to_one(weights, x, score, prefix=""):
    last = x[-1]
    if score == "luong":
        scores = np.array([last @ (step @ weights[prefix + "score_kernel"]) for step in x])
    else:
        query = last @ weights[prefix + "query_kernel"]
        hidden = [np.tanh(query + step @ weights[prefix + "key_kernel"]) for step in x]
        scores = np.array([h @ weights[prefix + "score_vector"][:, 0] for h in hidden])
    context = softmax(scores) @ x
    return np.tanh(np.concatenate([context, last]) @ weights[prefix + "output_kernel"])


def weighted_mean(weights, x, use_bias):
    bias = weights["bias"][0] if use_bias else 0.0
    scores = np.array([step @ weights["kernel"][:, 0] + bias for step in x])
    return softmax(scores) @ x


def scaled_dot_product(weights, query, key=None, value=None, history_only=False):
    key, value = query if key is None else key, query if value is None else value
    rows = []
    for t, q in enumerate(query):
        seen = slice(0, t + 1) if history_only else slice(None)
        scores = np.array([q @ k / np.sqrt(len(k)) for k in key[seen]])
        rows.append(softmax(scores) @ value[seen])
    return np.stack(rows)


def attended(t, n_timepoints, width, history_only):
    """Steps that step t may attend to."""
    before = 0 if width is None else (width - 1 if history_only else width // 2)
    first = 0 if width is None else t - before
    end = n_timepoints if width is None else first + width
    if history_only:
        end = min(end, t + 1)
    return list(range(max(first, 0), min(end, n_timepoints)))


def self_attention(
    weights,
    x,
    attention_type,
    width,
    history_only,
    activation=None,
    use_additive_bias=True,
    use_attention_bias=True,
):
    outputs = np.zeros_like(x)
    for t, query in enumerate(x):
        steps = attended(t, len(x), width, history_only)
        scores = []
        for s in steps:
            if attention_type == "additive":
                hidden = query @ weights["query_kernel"] + x[s] @ weights["key_kernel"]
                if use_additive_bias:
                    hidden = hidden + weights["additive_bias"]
                score = np.tanh(hidden) @ weights["score_kernel"][:, 0]
            else:
                score = query @ weights["score_kernel"] @ x[s]
            score = score + (weights["attention_bias"][0] if use_attention_bias else 0.0)
            scores.append(score if activation is None else ACTIVATIONS[activation](score))
        outputs[t] = softmax(np.array(scores)) @ x[steps]
    return outputs


def rotated(x):
    half = x.shape[1] // 2
    turned = np.zeros_like(x)
    for t, step in enumerate(x):
        for i in range(half):
            turn = np.exp(1j * t * 10000.0 ** (-i / half))
            pair = (step[i] + 1j * step[i + half]) * turn
            turned[t, i], turned[t, i + half] = pair.real, pair.imag
    return turned


def multi_head(weights, x, num_heads, width, history_only, positions):
    if positions == "learned":
        x = x + weights["position_embedding"][: len(x)]
    heads = []
    for head in range(num_heads):
        q, k, v = (_head(weights, x, name, head, num_heads) for name in ("query", "key", "value"))
        if positions == "rotary":
            q, k = rotated(q), rotated(k)
        summed = np.zeros_like(v)
        for t, query in enumerate(q):
            steps = attended(t, len(x), width, history_only)
            scores = np.array([query @ k[s] / np.sqrt(len(query)) for s in steps])
            summed[t] = softmax(scores) @ v[steps]
        heads.append(summed)
    return np.concatenate(heads, axis=1) @ weights["output_kernel"] + weights["output_bias"]


def rnn_attention(weights, x):
    num_heads, key_dim = weights["query"].shape
    heads = []
    for head in range(num_heads):
        keys = _head(weights, x, "key", head, num_heads)
        values = _head(weights, x, "value", head, num_heads)
        scores = keys @ weights["query"][head] / np.sqrt(key_dim)
        heads.append([softmax(scores[: t + 1]) @ values[: t + 1] for t in range(len(x))])
    return np.concatenate(heads, axis=1)


def linear_attention(weights, x, num_heads, history_only):
    heads = []
    for head in range(num_heads):
        q, k, v = (_head(weights, x, name, head, num_heads) for name in ("query", "key", "value"))
        q, k = (np.maximum(np.where(z > 0, z + 1, np.exp(np.minimum(z, 0))), 1e-6) for z in (q, k))
        summed = np.zeros_like(v)
        for t, query in enumerate(q):
            steps = range(t + 1) if history_only else range(len(x))
            shares = np.array([query @ k[s] for s in steps])
            summed[t] = (shares / shares.sum()) @ v[list(steps)]
        heads.append(summed)
    return np.concatenate(heads, axis=1)


def _head(weights, x, name, head, num_heads):
    projected = x @ weights[f"{name}_kernel"] + weights[f"{name}_bias"]
    return np.split(projected, num_heads, axis=1)[head]


def convolution(kernel, bias, x, padding="same", dilation=1, strides=1):
    size = kernel.shape[0]
    reach = (size - 1) * dilation
    before = {"same": reach // 2, "causal": reach, "valid": 0}[padding]
    end = len(x) - (reach if padding == "valid" else 0)
    outputs = []
    for t in range(0, end, strides):
        total = np.array(bias, dtype=x.dtype)
        for i in range(size):
            s = t - before + i * dilation
            if 0 <= s < len(x):
                total = total + x[s] @ kernel[i]
        outputs.append(total)
    return np.array(outputs)


def residual_convolution(weights, x, padding="same", dilation=1, strides=1):
    convolved = convolution(
        weights["convolution/kernel"],
        weights["convolution/bias"],
        x,
        padding,
        dilation,
        strides,
    )
    shortcut = x[::strides]
    if "shortcut/kernel" in weights:
        shortcut = shortcut @ weights["shortcut/kernel"][0]
    return np.maximum(convolved, 0) + shortcut


def plain_convolution(weights, x, padding="same", dilation=1, strides=1):
    kernel, bias = weights["convolution/kernel"], weights["convolution/bias"]
    return np.maximum(convolution(kernel, bias, x, padding, dilation, strides), 0)


def conv_attention(weights, x, score, pool_size, residual=False, activation="relu", **convolved):
    kernel, bias = weights["convolution/kernel"], weights["convolution/bias"]
    features = ACTIVATIONS[activation](convolution(kernel, bias, x, **convolved))
    if residual:
        features = features + x[:: convolved.get("strides", 1)] @ weights["shortcut/kernel"][0]
    starts = range(0, len(features), pool_size)
    pooled = np.array([features[s : s + pool_size].max(axis=0) for s in starts])
    projected = pooled @ weights["projection/kernel"] + weights["projection/bias"]
    return many_to_one(weights, np.maximum(projected, 0), score, prefix="attention/")


def normalized(x, method, epsilon=1e-5):
    center, spread = x.mean(axis=0), x.std(axis=0)
    if method == "last":
        center = x[-1]
    elif method == "robust":
        low, center, high = np.quantile(x, [0.25, 0.5, 0.75], axis=0)
        spread = (high - low) / 1.349
    return (x - center) / np.sqrt(spread**2 + epsilon)
