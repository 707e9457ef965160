"""
A text classifier on sequences of unequal length
================================================

The classifier of the package keras-self-attention: an embedding, a bidirectional LSTM,
``SeqSelfAttention``, and a dense layer. Sequences of "words" are generated: their class is that of
the word that follows the word "is"; a word of another class may stand anywhere else. Shorter ones
are padded with zeros, which the embedding masks, and no layer looks at the padding.
"""

from __future__ import annotations

import keras
import matplotlib.pyplot as plt
import numpy as np

from skconvattn.inspection import drawing
from skconvattn.layers import SeqSelfAttention

# 0 is padding, 1 is "is", 2 to 6 are good words, 7 to 11 bad ones, and the rest neither.
PADDING, IS, VOCABULARY, LENGTH = 0, 1, 40, 16
GOOD, BAD = np.arange(2, 7), np.arange(7, 12)


def sentences(n_sentences: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return word numbers (n, LENGTH), classes (n,), and where the word that decides stands."""
    rng = np.random.default_rng(seed)
    words = rng.integers(12, VOCABULARY, size=(n_sentences, LENGTH))
    classes = rng.integers(0, 2, size=n_sentences)
    lengths = rng.integers(6, LENGTH + 1, size=n_sentences)
    steps = np.zeros(n_sentences, dtype=int)
    for i, (label, length) in enumerate(zip(classes, lengths, strict=True)):
        # Two words of a class: one after "is", one of the other class elsewhere.
        distractor, position = rng.choice(length // 2 - 1, size=2, replace=False) * 2
        words[i, position : position + 2] = IS, rng.choice(GOOD if label else BAD)
        words[i, distractor + 1] = rng.choice(BAD if label else GOOD)
        steps[i] = position + 1
        words[i, length:] = PADDING
    return words, classes, steps


X, y, _ = sentences(2000, 0)
X_test, y_test, steps = sentences(500, 1)

# %%
# Train
# -----
# The last layer averages what attention gives over the valid steps alone.

keras.utils.set_random_seed(0)
words = keras.Input((LENGTH,), dtype="int32")
embedded = keras.layers.Embedding(VOCABULARY, 16, mask_zero=True)(words)
states = keras.layers.Bidirectional(keras.layers.LSTM(16, return_sequences=True))(embedded)
attended, weights = SeqSelfAttention(attention_activation="sigmoid", return_attention=True)(states)
pooled = keras.layers.GlobalAveragePooling1D()(attended)
model = keras.Model(words, keras.layers.Dense(1, activation="sigmoid")(pooled))
model.compile(keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"])
history = model.fit(X, y, validation_data=(X_test, y_test), epochs=6, batch_size=64, verbose=0)
print("accuracy on fresh sentences by epoch:")
print(" ".join(f"{100 * value:.0f}" for value in history.history["val_accuracy"]), "%")

# %%
# Padding changes nothing
# -----------------------

short = X_test[:50].copy()
short[:, 10:] = PADDING
longer = np.pad(short[:, :10], ((0, 0), (0, 6)))
same = keras.ops.max(keras.ops.abs(model(short) - model(longer)))
print(f"largest difference with other padding: {float(same):.1e}")
attention = keras.ops.convert_to_numpy(keras.Model(words, weights)(X_test))
of_words = (X_test > 0)[:, :, None]
to_padding = attention[of_words & (X_test == PADDING)[:, None]].max()
print(f"attention to padding: {to_padding:.1e}")

# %%
# Which words are looked at
# -------------------------
# Average over the words that attend, of 20 sentences. Circles are the words that decide; grey is
# padding. The LSTM carries a word along, so that attention to what follows it serves as well.

valid = X_test > 0
received = (attention * valid[..., None]).sum(axis=1) / valid.sum(axis=1, keepdims=True)
figure, (left, right) = plt.subplots(
    1, 2, figsize=(9, 4), width_ratios=[1, 1.5], layout="constrained"
)
epochs = np.arange(1, len(history.history["loss"]) + 1)
left.plot(epochs, history.history["accuracy"], color=drawing.HISTORY, label="training")
left.plot(epochs, history.history["val_accuracy"], color=drawing.FORECAST, label="fresh sentences")
left.set(xlabel="epoch", ylabel="accuracy", ylim=(0.45, 1.02))
left.legend(frameon=False, loc="lower right")
left.spines[["top", "right"]].set_visible(False)
colours = plt.matplotlib.colors.LinearSegmentedColormap.from_list("", ["white", drawing.ATTENTION])
colours.set_bad("#dddddd")
shown = np.where(valid[:20], received[:20], np.nan)
image = right.imshow(shown, cmap=colours, vmin=0, aspect="auto")
right.scatter(steps[:20], np.arange(20), s=40, facecolors="none", edgecolors="black")
right.set(xlabel="word", ylabel="sentence", yticks=range(0, 20, 5))
figure.colorbar(image, ax=right, label="attention received")
plt.show()
