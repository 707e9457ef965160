"""Extremely randomised trees as plain arrays, cross-fitted, and their predictions in NumPy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# Trees of a round, and the parts of the samples: each is left out by as many trees.
_N_TREES, _N_PARTS = 100, 5
# Rounds, and the part of the squared error that a further round has to be worth.
_N_ROUNDS, _LEAST_GAIN = 2, 0.02
# Fewer values are not split where there are ten times as many: they are half of all nodes.
_SPLIT_VALUES = 4
# Splits of so many samples try as many features as in QUANT.
_FEW_SAMPLES = 1500
# Entries of a matrix of samples and trees that are followed at once.
_ENTRIES = 1 << 20


@dataclass(frozen=True, eq=False)
class Forest:
    """Regression or classification trees, one after the other.

    A sample goes left where its feature is at most the threshold: to the next node. It goes right
    to the node that ``right`` names, which stands behind. Leaves have the feature -1, and ``right``
    is then the row of their values.

    Attributes
    ----------
    roots : ndarray of shape (n_trees,)
        First node of each tree.
    feature, right : ndarray of shape (n_nodes,)
        Int32.
    threshold : ndarray of shape (n_nodes,)
        Float32.
    values : ndarray of shape (n_leaves, n_outputs)
        Float64.
    n_features : int
        Features of a sample.
    """

    roots: np.ndarray
    feature: np.ndarray
    right: np.ndarray
    threshold: np.ndarray
    values: np.ndarray
    n_features: int

    def __post_init__(self) -> None:
        """Refuse arrays that are no trees.

        Raises
        ------
        ValueError
            If shapes differ, or a node names a feature, node or leaf that there is not.
        """
        whole = (self.roots, self.feature, self.right)
        if any(each.ndim != 1 or each.dtype.kind != "i" for each in whole) or any(
            each.dtype.kind != "f" for each in (self.threshold, self.values)
        ):
            raise ValueError("the arrays of a forest have other types or axes than those of trees")
        nodes = np.arange(len(self.feature))
        leaves = self.feature < 0
        is_right = np.where(leaves, self.right < len(self.values), self.right > nodes + 1)
        if not (
            self.right.shape == self.threshold.shape == self.feature.shape
            and self.values.ndim == 2
            and len(self.roots)
            and self.roots.min() >= 0
            and self.roots.max() < len(nodes)
            and self.feature.max() < self.n_features
            and is_right.all()
            and self.right.min() >= 0
            and self.right[~leaves].max(initial=-1) < len(nodes)
            and leaves[-1]
        ):
            raise ValueError("the arrays of a forest are no trees")

    @classmethod
    def of(cls, trees: Sequence[Any], columns: Sequence[np.ndarray], n_outputs: int) -> Forest:
        """Take fitted trees of scikit-learn.

        Parameters
        ----------
        trees : sequence of ExtraTreeClassifier or ExtraTreeRegressor
            Fitted trees.
        columns : sequence of ndarray
            The outputs that the values of each tree are of.
        n_outputs : int
            Number of outputs.

        Returns
        -------
        Forest
            The trees.
        """
        parts: dict[str, list[np.ndarray]] = {
            name: [] for name in ("roots", "feature", "right", "threshold", "values")
        }
        n_nodes = n_leaves = 0
        for fitted, own in zip(trees, columns, strict=True):
            tree = fitted.tree_
            leaves = tree.children_left < 0
            number = n_leaves + np.cumsum(leaves) - 1
            values = np.zeros((int(leaves.sum()), n_outputs))
            values[:, own] = tree.value[leaves].reshape(len(values), -1)
            parts["roots"].append(np.array([n_nodes]))
            parts["feature"].append(np.where(leaves, -1, tree.feature))
            parts["right"].append(np.where(leaves, number, tree.children_right + n_nodes))
            parts["threshold"].append(_float32_below(tree.threshold))
            parts["values"].append(values)
            n_nodes, n_leaves = n_nodes + tree.node_count, n_leaves + len(values)
        found = {name: np.concatenate(arrays) for name, arrays in parts.items()}
        for name in ("roots", "feature", "right"):
            found[name] = found[name].astype(np.int32)
        return cls(**found, n_features=trees[0].n_features_in_)

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Average the values of all trees.

        Parameters
        ----------
        features : ndarray of shape (n_samples, n_features)
            Float32.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            Averages, float64.

        Raises
        ------
        ValueError
            If there are other features than those of the trees.
        """
        if features.shape[1] != self.n_features:
            raise ValueError(
                f"trees of {self.n_features} features are given {features.shape[1]} of them"
            )
        averages = np.empty((len(features), self.values.shape[1]))
        for rows, values in self._values(features):
            averages[rows] = values.sum(axis=1) / len(self.roots)
        return averages

    def mean_and_variance(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what :meth:`predict` does, and the variance between trees, of the same shape.

        Of a single tree the variance is zero.
        """
        averages, variances = np.empty((2, len(features), self.values.shape[1]))
        for rows, values in self._values(features):
            averages[rows] = values.sum(axis=1) / len(self.roots)
            squares = np.square(values - averages[rows][:, None]).sum(axis=1)
            variances[rows] = squares / max(1, len(self.roots) - 1)
        return averages, variances

    def _values(self, features: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield blocks of samples, and the values of all trees: (block, n_trees, n_outputs)."""
        size = max(1, _ENTRIES // (len(self.roots) * max(1, self.values.shape[1])))
        for start in range(0, len(features), size):
            rows = slice(start, start + size)
            yield rows, self.values[self._leaves(features[rows])]

    def _leaves(self, features: np.ndarray) -> np.ndarray:
        """Return the row of values that each sample finds in each tree: (n_samples, n_trees)."""
        node = np.broadcast_to(self.roots, (len(features), len(self.roots))).copy().ravel()
        sample = np.repeat(np.arange(len(features)), len(self.roots))
        going = np.flatnonzero(self.feature[node] >= 0)
        while len(going):
            now = node[going]
            left = features[sample[going], self.feature[now]] <= self.threshold[now]
            node[going] = np.where(left, now + 1, self.right[now])
            going = going[self.feature[node[going]] >= 0]
        return self.right[node].reshape(len(features), -1)


def cross_fitted_forest(
    features: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    rng: np.random.Generator,
    *,
    n_classes: int = 0,
) -> tuple[Forest, np.ndarray]:
    """Fit trees, each to four fifths of the samples, and predict each sample by the others.

    Parameters
    ----------
    features : ndarray of shape (n_samples, n_features)
        Float32.
    targets : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Indices of classes, or values.
    weights : ndarray of shape (n_samples,)
        Sample weights, positive.
    rng : numpy.random.Generator
        Source of parts and trees.
    n_classes : int
        Number of classes; 0 for values.

    Returns
    -------
    Forest
        All trees.
    ndarray of shape (n_samples, n_outputs)
        Averages of the trees that have not seen a sample: probabilities of classes, or values.
        Weighted means where there are too few samples to leave any out.
    """
    n_outputs = n_classes or targets.shape[1]
    known = np.eye(n_classes)[targets] if n_classes else targets
    parts = left_out_parts(targets, len(features), rng, stratified=bool(n_classes))
    own = targets if n_classes or n_outputs > 1 else targets[:, 0]
    trees: list[list[Any]] = [[] for _ in parts]
    outputs = [np.arange(n_outputs)] * len(parts)
    left_out, spread = np.empty((2, len(features), n_outputs))
    for _ in range(_N_ROUNDS):
        for number, part in enumerate(parts):
            learned = np.setdiff1d(np.arange(len(features)), part)
            trees[number] += _fitted_trees(
                features[learned], own[learned], weights[learned], -(-_N_TREES // len(parts)), rng,
                n_classes,
            )  # fmt: skip
            if n_classes:
                outputs[number] = trees[number][0].classes_
            if len(part):
                unseen = _forest(trees[number : number + 1], outputs[number:], n_outputs)
                left_out[part], spread[part] = unseen.mean_and_variance(features[part])
        if len(parts) == 1:
            left_out[:] = (weights / weights.sum()) @ known
            break
        n_unseen, error = len(trees[0]), weights @ np.square(left_out - known).sum(axis=1)
        if not _worth_another_round(error, weights @ spread.sum(axis=1), n_unseen, len(parts)):
            break
    return _forest(trees, outputs, n_outputs), left_out


def _forest(
    trees: Sequence[Sequence[Any]], outputs: Sequence[np.ndarray], n_outputs: int
) -> Forest:
    """Take the trees of each part, all of which have the same outputs."""
    columns = [own for each, own in zip(trees, outputs, strict=False) for _ in each]
    return Forest.of([tree for each in trees for tree in each], columns, n_outputs)


def _worth_another_round(error: float, variance: float, n_unseen: int, n_parts: int) -> bool:
    """Return whether as many trees again would lower the squared error.

    The error of :math:`n` trees is that of endlessly many plus the variance between trees over
    :math:`n`.

    Parameters
    ----------
    error : float
        Squared error of left-out samples, predicted by the trees that have not seen them.
    variance : float
        Variance between these trees, of the same samples together.
    n_unseen, n_parts : int
        How many trees these are, and how many such sets of trees there are.
    """
    n_trees = n_unseen * n_parts
    of_all = error - variance / n_unseen + variance / n_trees
    return variance / n_trees - variance / (2 * n_trees) > _LEAST_GAIN * max(of_all, 0.0)


def left_out_parts(
    targets: np.ndarray, n_samples: int, rng: np.random.Generator, *, stratified: bool
) -> list[np.ndarray]:
    """Divide samples into five parts, each to be left out once.

    Parameters
    ----------
    targets : ndarray of shape (n_samples, ...)
        Indices of classes, where these are to be spread evenly.
    n_samples : int
        Number of samples.
    rng : numpy.random.Generator
        Source of the parts.
    stratified : bool
        Whether targets are classes.

    Returns
    -------
    list of ndarray
        The samples of each part; of fewer than three samples one empty part.
    """
    if n_samples < 3:
        return [np.zeros(0, dtype=int)]
    order = rng.permutation(n_samples)
    if stratified:
        order = order[np.argsort(targets[order], kind="stable")]
    n_parts = min(_N_PARTS, n_samples)
    return [np.sort(order[i::n_parts]) for i in range(n_parts)]


def _fitted_trees(
    features: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    n_trees: int,
    rng: np.random.Generator,
    n_classes: int,
) -> list[Any]:
    """Fit trees one by one: the forests of scikit-learn take longer than small trees."""
    from sklearn import config_context
    from sklearn.tree import ExtraTreeClassifier, ExtraTreeRegressor

    settings: dict[str, Any] = {
        "max_features": _tried(*features.shape),
        # Leaves of single samples would make trees of many that are larger and no better.
        "min_samples_leaf": max(1, len(features) // 4000),
    }
    fewest = min(_SPLIT_VALUES, max(2, len(features) // 10))
    # Equal weights change nothing, and checking them takes a tenth of the time of small trees.
    sample_weight = None if (weights == 1).all() else weights
    trees = []
    with config_context(skip_parameter_validation=True):
        for seed in rng.integers(2**31 - 1, size=n_trees).tolist():
            if n_classes:
                tree = ExtraTreeClassifier(criterion="entropy", random_state=seed, **settings)
            else:
                tree = ExtraTreeRegressor(random_state=seed, min_samples_split=fewest, **settings)
            trees.append(tree.fit(features, targets, sample_weight, check_input=False))
    return trees


def _tried(n_samples: int, n_features: int) -> int:
    """Return how many features each split tries: a tenth as in QUANT, of few features more.

    Of many samples fewer, as the time of a fit grows with the product of both.
    """
    tenth = 0.1 * n_features * min(1.0, _FEW_SAMPLES / n_samples)
    return max(1, round(max(tenth, n_features**0.5)))


def _float32_below(values: np.ndarray) -> np.ndarray:
    """Return the largest float32 that are not above the given numbers.

    What float32 is at most one of them is at most the other.
    """
    near = values.astype(np.float32)
    return np.where(near > values, np.nextafter(near, np.float32(-np.inf)), near)
