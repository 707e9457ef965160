"""A classifier's network trained on what left-out predictions of its other members leave.

    python benchmarks/left_out_residuals.py [--seeds 3]

prints, for three sets that come with sktime, accuracy and cross-entropy on the test part (its first
300 samples) of the members in closed form, of their average with a network that was trained on the
labels, and of the same with a network whose logits are added to the logarithms of the members'
left-out probabilities, both in training and in prediction. Epochs and the share of the network are
chosen by three parts left out in turn; a share counts where its gain exceeds its standard error.
"""

from __future__ import annotations

import argparse
import os
import warnings
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

SETS = ("italy_power_demand", "arrow_head", "basic_motions")
SHARES = np.linspace(0, 1, 11)
N_PARTS, N_TEST, LEAST = 3, 300, 1e-4


@dataclass(frozen=True, eq=False)
class Task:
    """Members of one fit: their left-out and test predictions, and what a network is trained on."""

    spec: Any
    source: Any
    labels: np.ndarray
    left_out: np.ndarray
    of_test: np.ndarray
    inputs: list[np.ndarray]


def main() -> None:
    """Print a row per set and kind of training."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seeds", type=int, default=3)
    seeds = range(parser.parse_args().seeds)
    warnings.simplefilter("ignore")
    for name in SETS:
        rows: dict[str, list[tuple[float, ...]]] = {}
        for seed in seeds:
            task, truth = _task(name, seed)
            rows.setdefault("members", []).append((*_scores(task.of_test, truth), 0.0))
            for kind in ("labels", "left-out"):
                found, share = _predicted(task, seed, residual=kind == "left-out")
                rows.setdefault(kind, []).append((*_scores(found, truth), share))
        for kind, found in rows.items():
            accuracy, entropy, share = np.mean(found, axis=0)
            print(f"{name:20} {kind:9} accuracy {accuracy:.3f}  cross-entropy {entropy:.3f}  "
                  f"share {share:.2f}", flush=True)  # fmt: skip


def _task(name: str, seed: int) -> tuple[Task, np.ndarray]:
    """Fit the members, and return them with the labels of the test part."""
    import sktime.datasets

    from skconvattn import SelfAttentionClassifier
    from skconvattn.networks import ClassHead, ClassOutput, ModelSpec

    load = getattr(sktime.datasets, f"load_{name}")
    (X, y), (X_test, y_test) = (load(split=s, return_type="numpy3D") for s in ("train", "test"))
    kept: dict[str, Any] = {}
    fit = SelfAttentionClassifier._fit_members

    def keep(self: Any, source: Any, targets: np.ndarray, *arguments: Any) -> Any:
        average, left_out = fit(self, source, targets, *arguments)
        kept.update(source=source, labels=np.asarray(targets, dtype=int), left_out=left_out)
        return average, left_out

    with mock.patch.object(SelfAttentionClassifier, "_fit_members", keep):
        classifier = SelfAttentionClassifier(pooling="attention", random_state=seed).fit(X, y)
    _, n_timepoints, n_channels = kept["source"].inputs.shape
    head = ClassHead(ClassOutput(len(classifier.classes_)))
    spec = ModelSpec.of(classifier, head, n_timepoints=n_timepoints, n_channels=n_channels)
    X_test = X_test[:N_TEST]
    of_test, inputs = classifier.predict_proba(X_test), classifier._inputs(X_test)
    task = Task(spec=spec, of_test=of_test, inputs=inputs, **kept)
    return task, np.searchsorted(classifier.classes_, y_test[:N_TEST])


def _predicted(task: Task, seed: int, *, residual: bool) -> tuple[np.ndarray, float]:
    """Train a network, and return its average with the members, and its share."""
    from skconvattn.data import Rows
    from skconvattn.engine import TrainingPlan, train
    from skconvattn.members.forest import left_out_parts

    n_samples, n_classes = task.left_out.shape
    offset = _logs(task.left_out) if residual else np.zeros((n_samples, n_classes))
    targets = np.concatenate([task.labels[:, None], offset], axis=1).astype(np.float32)
    source = Rows(task.source.inputs, targets, task.source.weights)
    plan = TrainingPlan(40, 8, optimizer="adam", learning_rate=None, loss=_loss, patience=8)
    rng = np.random.default_rng(seed)
    parts = left_out_parts(task.labels, n_samples, rng, stratified=True)
    outputs, epochs = np.zeros((n_samples, n_classes)), []
    for group in np.array_split(np.arange(len(parts)), N_PARTS):
        part = np.concatenate([parts[i] for i in group])
        others = np.setdiff1d(np.arange(n_samples), part)
        result = train(task.spec, source, plan, rng, training=others, validation=part)
        outputs[part] = result.model.predict([source.inputs[part]])
        epochs.append(result.best_epoch)

    def averaged(members: np.ndarray, logits: np.ndarray, share: float) -> np.ndarray:
        if residual:
            return _softmax(_logs(members) + share * logits)
        return (1 - share) * members + share * _softmax(logits)

    losses = np.stack(
        [_entropies(averaged(task.left_out, outputs, s), task.labels) for s in SHARES]
    )
    gains = losses[0] - losses
    supported = gains.mean(axis=1) > gains.std(axis=1, ddof=1) / np.sqrt(n_samples)
    share = float(SHARES[np.argmax(np.where(supported, gains.mean(axis=1), 0.0))])
    plan = replace(plan, epochs=max(1, round(float(np.mean(epochs)))), patience=None)
    logits = train(task.spec, source, plan, rng).model.predict(task.inputs)
    return averaged(task.of_test, logits, share), share


def _loss(targets: Any, logits: Any) -> Any:
    """Return the cross-entropy of labels, the first column, with the other columns as offsets."""
    from keras import ops

    moved = targets[:, 1:] + logits
    labels = ops.one_hot(ops.cast(targets[:, 0], "int32"), moved.shape[-1])
    return ops.logsumexp(moved, axis=-1) - ops.sum(labels * moved, axis=-1)


def _logs(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probabilities, LEAST))


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _entropies(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return -np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-9))


def _scores(probabilities: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return accuracy and mean cross-entropy."""
    accuracy = (probabilities.argmax(axis=1) == labels).mean()
    return float(accuracy), float(_entropies(probabilities, labels).mean())


if __name__ == "__main__":
    main()
