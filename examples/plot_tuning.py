"""
Search parameters, and end what promises nothing
================================================

``OptunaSearch`` searches like a grid search of scikit-learn, in ranges that ``search_space``
suggests. A trial whose held-out loss is behind the others' ends at an early epoch. ``optimize.py``
searches a forecaster, with its study in a file.
"""

from __future__ import annotations

import time

import matplotlib.pyplot as plt

from skconvattn import AttentionRegressor
from skconvattn.datasets import make_maximum
from skconvattn.inspection import drawing
from skconvattn.tuning import OptunaSearch, search_space

# %%
# The task, and where to search
# -----------------------------
# The target is the largest of ten numbers.

training, fresh = make_maximum(500, 10, random_state=0), make_maximum(300, 10, random_state=1)
regressor = AttentionRegressor(members=["network"], epochs=20, random_state=0)
suggested = search_space(regressor, training.X)
print(f"{len(suggested)} parameters are suggested, three are searched:")
names = ("learning_rate", "attention_score", "units")
space = {name: suggested[name] for name in names}
for name, values in space.items():
    print(f"  {name}: {values}")

# %%
# The search
# ----------

started = time.perf_counter()
search = OptunaSearch(regressor, space, n_trials=12, cv=2, random_state=0, progress_bar=False).fit(
    training.X, training.y
)
table = search.results_
print(table["state"].value_counts().to_dict(), f"{time.perf_counter() - started:.0f} s")
print(search.best_params_)
before = regressor.fit(training.X, training.y).score(fresh.X, fresh.y)
print(f"R2 on fresh series: {before:.2f} before, {search.score(fresh.X, fresh.y):.2f} after")

# %%
# Trials, and what decided
# ------------------------

complete = table[table["state"] == "complete"]
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
for trial in table.index[table["state"] == "pruned"]:
    left.axvline(trial, color="#dddddd", linewidth=4, zorder=0)
left.plot(complete.index, complete["score"], "o", color=drawing.HISTORY, label="trial")
left.step(
    complete.index, complete["score"].cummax(), where="post", color=drawing.FORECAST, label="best"
)
left.set(xlabel="trial (grey: ended early)", ylabel="R² on held-out parts", xlim=(-0.6, 11.6))
left.legend(frameon=False, loc="lower right")
colours = {"bahdanau": drawing.FORECAST, "luong": drawing.ACTUAL}
for score, colour in colours.items():
    trials = complete[complete["param_attention_score"] == score]
    right.semilogx(trials["param_learning_rate"], trials["score"], "o", color=colour, label=score)
right.set(xlabel="learning rate")
right.legend(frameon=False, loc="lower right", title="attention_score")
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
plt.show()
