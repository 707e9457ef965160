"""One network trained by several processes of TensorFlow, each on its part of every batch.

Keras's own loop fails in the scope of ``tf.distribute.MultiWorkerMirroredStrategy``: it cannot
build a model from batches that are divided among processes, nor average their losses. Here each
process runs that loop for itself, on plain variables, and the processes add up what they have to
share: gradients within a step, losses and metrics at the end of an epoch. Their weights are equal
because they begin equal and change alike.
"""

from __future__ import annotations

import copy
import zlib
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np


class Workers:
    """The processes of a strategy.

    Parameters
    ----------
    strategy : tf.distribute.MultiWorkerMirroredStrategy
        The strategy. Each process uses one device.

    Attributes
    ----------
    rank : int
        Number of this process, from 0.
    n : int
        Number of processes.
    """

    def __init__(self, strategy: Any) -> None:
        import tensorflow as tf

        self._strategy = strategy
        resolver = strategy.cluster_resolver
        tasks = resolver.cluster_spec().as_dict()
        names = [(kind, i) for kind in ("chief", "worker") for i in range(len(tasks.get(kind, ())))]
        self.n = len(names)
        self.rank = names.index((resolver.task_type, resolver.task_id)) if names else 0
        # What the mean over a part of a batch is multiplied by for the sum over all parts to be the
        # mean over the batch.
        self._factor = tf.Variable(1.0, trainable=False)

    @classmethod
    def current(cls) -> Workers | None:
        """Return those of the strategy in whose scope this runs; None outside of one."""
        import keras

        if keras.backend.backend() != "tensorflow":
            return None
        import tensorflow as tf

        strategy = tf.distribute.get_strategy()
        if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return None
        return cls(strategy)

    def part(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return this process's samples of a batch, as many as each of the others.

        Parameters
        ----------
        indices : ndarray of shape (n_samples,)
            The batch.

        Returns
        -------
        own : ndarray of shape (n_own,)
            Samples; the first of the batch is repeated where there are too few.
        counts : ndarray of shape (n_own,)
            1 for a sample of its own, 0 for a repeated one.
        """
        own = indices[self.rank :: self.n]
        counts = np.zeros(self._n_own(len(indices)), dtype=np.float32)
        counts[: len(own)] = 1.0
        return np.concatenate([own, indices[:1].repeat(len(counts) - len(own))]), counts

    def begin_batch(self, n_samples: int) -> None:
        """Note the size of the batch that comes next."""
        self._factor.assign(self._n_own(n_samples) / n_samples)

    def share_gradients(self, optimizer: Any) -> None:
        """Let an optimizer add up the gradients of all processes before it uses them, in place."""
        import tensorflow as tf

        apply = optimizer.apply

        def apply_to_sum(gradients: Any, variables: Any = None) -> Any:
            flat = tf.concat([tf.reshape(each, [-1]) for each in gradients], axis=0)
            parts = tf.split(
                self._sum(flat) * self._factor, [g.shape.num_elements() for g in gradients]
            )
            whole = [tf.reshape(p, g.shape) for p, g in zip(parts, gradients, strict=True)]
            return apply(whole, variables)

        optimizer.apply = apply_to_sum

    def share_metrics(self, model: Any, n_samples: int) -> None:
        """Set the state of loss and metrics, which are sums, to that over all processes.

        Parameters
        ----------
        model : keras.Model
            The model at the end of an epoch.
        n_samples : int
            Samples of all processes in the epoch.
        """
        loss, *_ = model.metrics
        variables = model.metrics_variables
        sums = self.summed(np.concatenate([np.ravel(v.numpy()) for v in variables]))
        ends = np.cumsum([int(np.prod(v.shape)) for v in variables])
        for variable, values in zip(variables, np.split(sums, ends[:-1]), strict=True):
            variable.assign(values.reshape(variable.shape).astype(variable.dtype))
        # Repeated samples have no weight, but Keras counts them.
        loss.variables[1].assign(float(n_samples))

    def of_first(self, values: list[float]) -> list[float]:
        """Return the values of the first process: others may differ in the last bit."""
        given = np.asarray(values, dtype=np.float64) * (1.0 if self.rank == 0 else 0.0)
        return [float(value) for value in self.summed(given)]

    def any(self, value: bool) -> bool:
        """Whether something holds in any process."""
        return bool(self.summed(np.array([float(value)]))[0])

    def summed(self, values: np.ndarray) -> np.ndarray:
        """Return the sum over all processes of an array of shape (n,), float64."""
        import tensorflow as tf

        return np.asarray(self._sum(tf.constant(values, dtype=tf.float64)))

    def check_equal(self, rng: np.random.Generator, data: np.ndarray) -> None:
        """Refuse processes that begin with other weights or other data.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of weights and order, which stays as it is.
        data : ndarray
            What the processes have to have in common.

        Raises
        ------
        ValueError
            If a process has others.
        """
        found = copy.deepcopy(rng).integers(2**31), zlib.crc32(data.tobytes())
        mine = np.array(found, dtype=np.float64)
        first = self.of_first(list(mine))
        differs = self.summed((mine != first).astype(np.float64))
        if differs[0]:
            raise ValueError(
                f"random_state gives each of the {self.n} processes other initial weights; use the "
                "same integer in all of them."
            )
        if differs[1]:
            raise ValueError(
                f"The {self.n} processes were given different data; give all of it to each of "
                "them, which trains on its part of every batch."
            )

    def _n_own(self, n_samples: int) -> int:
        return -(-n_samples // self.n)

    @cached_property
    def _sum(self) -> Callable[[Any], Any]:
        """From a vector to its sum over all processes, as a function of graphs."""
        import tensorflow as tf

        strategy = self._strategy
        n_devices = len(strategy.extended.worker_devices)

        def of_replica(vector: Any) -> Any:
            # The reduction goes by the device of what it is given.
            with tf.device(strategy.extended.worker_devices[0]):
                vector = tf.identity(vector)
            return tf.distribute.get_replica_context().all_reduce("SUM", vector) / n_devices

        def over_processes(vector: Any) -> Any:
            result = strategy.run(of_replica, args=(vector,))
            return strategy.experimental_local_results(result)[0]

        return tf.function(over_processes)
