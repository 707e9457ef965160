"""Training parameters that every estimator shares."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from skconvattn._hyperparameters import Parametrised, hyperparameter, hyperparameters


@hyperparameters
class TrainingParameters(Parametrised):
    """How a network is trained."""

    epochs: int = hyperparameter(
        100,
        [Interval(Integral, 1, None, closed="left")],
        """
        int
        Passes over the training data, at most.
        """,
    )
    batch_size: int | str = hyperparameter(
        "auto",
        [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        """
        int or "auto"
        Samples a step of the optimiser. "auto" takes the power of two nearest to a tenth of the
        training samples, between 8 and 64.
        """,
    )
    steps_per_epoch: int | None = hyperparameter(
        None,
        [Interval(Integral, 1, None, closed="left"), None],
        """
        int or None
        Steps of an epoch, each on samples drawn at random: the part of a long series, or of a
        large data set, that an epoch sees. None sees all of it.
        """,
    )
    learning_rate: Any = hyperparameter(
        None,
        [Interval(Real, 0, None, closed="neither"), HasMethods("get_config"), None],
        """
        float, keras.optimizers.schedules.LearningRateSchedule or None
        Step size of the optimiser. None takes the optimiser's own, and 0.003 where the optimiser
        is given by name.
        """,
    )
    optimizer: Any = hyperparameter(
        "adam",
        [str, dict, HasMethods("get_config")],
        """
        str, dict or keras.optimizers.Optimizer
        Optimiser by name, configuration or as an object, which is copied.
        """,
    )
    loss: Any = hyperparameter(
        "auto",
        [str, callable, HasMethods("get_config")],
        """
        str, callable or keras.losses.Loss
        What is minimised. "auto" chooses by task: squared error for regression, cross-entropy for
        classification, absolute error for point forecasts, the pinball loss for quantiles.
        """,
    )
    early_stopping: bool = hyperparameter(
        True,
        ["boolean"],
        """
        bool
        Whether to hold out ``validation_fraction`` of the data, to stop when its loss no longer
        falls, and to keep the weights of the best epoch. Without effect on data too small to hold
        anything out.
        """,
    )
    validation_fraction: float = hyperparameter(
        0.2,
        [Interval(Real, 0, 1, closed="neither")],
        """
        float
        Share of the data held out for early stopping, strictly between 0 and 1.
        """,
    )
    patience: int = hyperparameter(
        15,
        [Interval(Integral, 1, None, closed="left")],
        """
        int
        Epochs without a lower validation loss before training stops.
        """,
    )
    callbacks: Any = hyperparameter(
        None,
        ["array-like", HasMethods("on_epoch_end"), None],
        """
        keras.callbacks.Callback, list of them, or None
        Called at the beginning and end of training and of each epoch.
        """,
    )
    verbose: int = hyperparameter(
        0,
        ["verbose"],
        """
        int
        0 is silent, 1 shows a progress bar, 2 prints a line an epoch.
        """,
    )
    engine: str = hyperparameter(
        "auto",
        [StrOptions({"auto", "compiled", "portable"})],
        """
        {"auto", "compiled", "portable"}
        What trains the network: one compiled program an epoch, for TensorFlow, or Keras's own
        loop, for any backend, any callback and inside ``tf.distribute`` scopes, at the pace of
        Keras. "auto" takes the compiled engine wherever it serves, and says in an info log of the
        logger ``skconvattn`` where it does not.
        """,
    )
    warm_start: bool = hyperparameter(
        False,
        ["boolean"],
        """
        bool
        Whether a further fit on data of the same shape goes on from the weights of the last one.
        """,
    )
    random_state: Any = hyperparameter(
        None,
        ["random_state"],
        """
        int, numpy.random.RandomState or None
        Determines initial weights, the order of samples and dropout. The same integer gives the
        same weights, bit for bit. No global random state is changed.
        """,
    )
