"""Training parameters that every estimator shares."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from skconvattn._hyperparameters import RealRange, hyperparameter, unknown_parameter
from skconvattn.engine.callback_copies import check_callbacks
from skconvattn.engine.plan import TrainingPlan
from skconvattn.engine.programs import FittedModel
from skconvattn.networks.base import Network
from skconvattn.networks.spec import MOST_NETWORKS, ModelSpec

# The most samples per epoch with steps_per_epoch="auto".
_LARGE = 16_384
# Networks of n_networks="auto", and the most samples that they are trained on.
_SEVERAL, _FEW_SAMPLES = 5, 1000


class TrainingParameters(Network):
    """How a network is trained."""

    _parameter_group = "training"

    epochs: int = hyperparameter(
        default=200,
        constraints=[Interval(Integral, 1, None, closed="left")],
        doc="""
        int
        Most passes over the training data.
        """,
        elsewhere=("n_epochs", "max_epochs", "num_epochs", "nb_epoch"),
    )
    batch_size: int | Literal["auto"] = hyperparameter(
        default="auto",
        constraints=[Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        doc="""
        int or "auto"
        Samples per step of the optimiser. "auto" takes the power of two nearest to a tenth of the
        training samples, between 8 and 64.
        """,
    )
    steps_per_epoch: int | Literal["auto"] | None = hyperparameter(
        default=None,
        constraints=[Interval(Integral, 1, None, closed="left"), StrOptions({"auto"}), None],
        doc="""
        int, "auto" or None
        Steps of an epoch, each on samples drawn at random: the part of a long series, or of a
        large data set, that an epoch sees. None sees all of it, "auto" all of up to 16,384 samples
        and as many of more.
        """,
    )
    learning_rate: Any = hyperparameter(
        default=None,
        constraints=[Interval(Real, 0, None, closed="neither"), HasMethods("get_config"), None],
        doc="""
        float, keras.optimizers.schedules.LearningRateSchedule or None
        Step size of the optimiser. None takes the optimiser's own, and 0.003 where the optimiser
        is given by name.
        """,
        elsewhere=("lr",),
        search=RealRange(3e-4, 3e-2, log=True),
    )
    optimizer: Any = hyperparameter(
        default="adam",
        constraints=[str, dict, HasMethods("get_config")],
        doc="""
        str, dict or keras.optimizers.Optimizer
        Optimiser by name, configuration or as an object, which is copied.
        """,
    )
    loss: Any = hyperparameter(
        default="auto",
        constraints=[str, callable, HasMethods("get_config")],
        doc="""
        str, callable or keras.losses.Loss
        What is minimised. "auto" chooses by task: squared error for regression, cross-entropy for
        classification, absolute error for point forecasts, the pinball loss for quantiles. Targets
        are on the scale of the network, but losses of ratios ("mape", "msle") of regressors are
        computed in the units of ``y``, and forecasters, whose series have scales of their own, take
        losses of differences alone. Classifiers take cross-entropies, focal ones included, from
        logits; a function of your own is given numbers of classes and logits.
        """,
    )
    metrics: Any = hyperparameter(
        default=None,
        constraints=[str, dict, callable, "array-like", HasMethods("update_state"), None],
        doc="""
        str, dict, callable, keras.metrics.Metric, list of them, or None
        What is measured beside the loss, on the targets as the network is trained on them (scaled
        values) and with their weights. Metrics of Keras on classifiers are given what they are
        written for, such as probabilities, and those with one value per class are averaged;
        functions and classes of your own are given numbers of classes and logits. Values stand in
        ``history_`` by their names, those of the part held out after ``val_``. Objects are copied.
        """,
    )
    early_stopping: bool = hyperparameter(
        default=True,
        constraints=["boolean"],
        doc="""
        bool
        Whether to hold out ``validation_fraction`` of the data, to stop when its loss no longer
        falls, and to keep the weights of the best epoch. Regressors and classifiers of too few
        samples choose the number of epochs with parts left out in turn, and then train on all;
        forecasters of series too short to hold anything out do without.
        """,
    )
    validation_fraction: float = hyperparameter(
        default=0.2,
        constraints=[Interval(Real, 0, 1, closed="neither")],
        doc="""
        float
        Share of the data held out for early stopping, strictly between 0 and 1.
        """,
        elsewhere=("validation_split",),
    )
    patience: int | Literal["auto"] = hyperparameter(
        default=15,
        constraints=[Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        doc="""
        int or "auto"
        Epochs without a lower validation loss before training stops. With "auto" forecasters wait
        for 20, and for 6 where there are more than 16,384 training samples: an epoch then has
        hundreds of steps. Regressors and classifiers wait for 15, and where these are more than
        1,000 steps for as many as hold 1,000, at least 5.
        """,
        elsewhere=("n_iter_no_change",),
    )
    callbacks: Any = hyperparameter(
        default=None,
        constraints=["array-like", HasMethods("on_epoch_end"), None],
        doc="""
        keras.callbacks.Callback, list of them, or None
        Called at the beginning and end of training and of each epoch. A fit works on copies:
        Keras's own callbacks stay as they were given, and where training stopped is read from
        ``history_``. Callbacks of your own show afterwards what they noted as numbers, text, arrays
        or collections of these, and nothing else. Files that ``save`` writes hold no callbacks.
        """,
    )
    verbose: int = hyperparameter(
        default=0,
        constraints=["verbose"],
        doc="""
        int
        0 is silent, 1 shows a progress bar, 2 prints one line per epoch. A forecaster that trains
        again on all data shows that too.
        """,
    )
    n_networks: int | Literal["auto"] = hyperparameter(
        default=1,
        constraints=[Interval(Integral, 1, MOST_NETWORKS, closed="both"), StrOptions({"auto"})],
        doc="""
        int or "auto"
        Networks that are trained from other random weights, in other orders of the samples, and
        averaged, attention included: two seeds then differ less. The first one finds the number of
        epochs (callbacks see it alone, and ``history_`` is its own), the others are trained for
        as many, in the same compiled program. "auto" takes 5 for up to 1,000 training samples, and
        one for more.
        """,
        elsewhere=("n_ensembles", "ensemble_size"),
    )
    engine: Literal["auto", "compiled", "portable"] = hyperparameter(
        default="auto",
        constraints=[StrOptions({"auto", "compiled", "portable"})],
        doc="""
        {"auto", "compiled", "portable"}
        What trains the network: one compiled call per epoch, on TensorFlow and JAX, or Keras's own
        loop, for any backend, any callback and where Keras distributes, at the pace of Keras.
        "auto" takes the compiled engine wherever it serves, and says in an info log of the logger
        ``skconvattn`` where it does not.
        """,
    )
    warm_start: bool = hyperparameter(
        default=False,
        constraints=["boolean"],
        doc="""
        bool
        Whether a further fit on data of the same shape starts from the weights of the network of
        the last one; where nothing is held out it then trains for all ``epochs``.
        """,
    )
    random_state: Any = hyperparameter(
        default=None,
        constraints=["random_state"],
        doc="""
        int, numpy.random.RandomState or None
        Determines initial weights, the order of samples and dropout. The same integer gives the
        same weights, bit for bit. No global random state is changed.
        """,
        elsewhere=("seed", "random_seed"),
    )

    def set_params(self, **params: Any) -> Any:
        """Set parameters, as everywhere in scikit-learn.

        Parameters
        ----------
        **params
            Values by the names of parameters.

        Returns
        -------
        object
            The estimator itself.

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        try:
            return super().set_params(**params)  # type: ignore[misc]
        except ValueError as error:
            for name in params:
                if name not in self._parameter_names:
                    raise ValueError(unknown_parameter(type(self), name)) from error
            raise

    def _training_plan(
        self, n_training: int, automatic_loss: Any, *, stops_early: bool
    ) -> TrainingPlan:
        """Resolve the parameters for data of a size.

        Parameters
        ----------
        n_training : int
            Training samples.
        automatic_loss : str or keras loss
            What ``loss="auto"`` stands for.
        stops_early : bool
            Whether there is a validation part that decides when to stop.

        Returns
        -------
        TrainingPlan
            For :func:`~skconvattn.engine.train`.

        Raises
        ------
        TypeError
            If an entry of ``callbacks`` is no callback, but a class for example.
        """
        callbacks = _as_list(self.callbacks)
        check_callbacks(callbacks)
        is_automatic = isinstance(self.loss, str) and self.loss == "auto"
        batch_size = batch_size_for(self.batch_size, n_training)
        return TrainingPlan(
            epochs=self.epochs,
            batch_size=batch_size,
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            loss=automatic_loss if is_automatic else self.loss,
            steps_per_epoch=_steps_for(self.steps_per_epoch, n_training, batch_size),
            patience=self._patience(n_training) if stops_early else None,
            metrics=_as_list(self.metrics),
            callbacks=callbacks,
            verbose=self.verbose,
            engine=self.engine,
            n_networks=_networks_for(self.n_networks, n_training),
            description=type(self).__name__,
        )

    def _patience(self, n_training: int) -> int:
        """Return the epochs to wait for a lower validation loss."""
        return _patience_for(self.patience, n_training)

    def _warm_model(self, spec: ModelSpec) -> FittedModel | None:
        """Return the weights to start from, if asked for and of the same model."""
        fitted = getattr(self, "fitted_model_", None)
        if not self.warm_start or fitted is None or fitted.spec.single != spec:
            return None
        return fitted


def batch_size_for(batch_size: int | str, n_training: int) -> int:
    """Resolve ``batch_size="auto"``: the power of two nearest a tenth of the data, 8 to 64.

    Parameters
    ----------
    batch_size : int or "auto"
        As the user gave it.
    n_training : int
        Training samples.

    Returns
    -------
    int
        Samples per step.
    """
    if batch_size != "auto":
        return int(batch_size)
    return int(np.clip(2 ** round(np.log2(max(1.0, n_training / 10))), 8, 64))


def _steps_for(steps: int | str | None, n_training: int, batch_size: int) -> int | None:
    """Resolve ``steps_per_epoch="auto"``."""
    if not isinstance(steps, str):
        return None if steps is None else int(steps)
    return None if n_training <= _LARGE else max(1, _LARGE // batch_size)


def _networks_for(n_networks: int | str, n_training: int) -> int:
    """Resolve ``n_networks="auto"``."""
    if isinstance(n_networks, str):
        return _SEVERAL if n_training <= _FEW_SAMPLES else 1
    return int(n_networks)


def _patience_for(patience: int | str, n_training: int) -> int:
    """Resolve ``patience="auto"``."""
    if isinstance(patience, str):
        return 6 if n_training > _LARGE else 20
    return int(patience)


def _as_list(values: Any) -> list[Any]:
    """Return one value, several or none as a list."""
    if values is None:
        return []
    return list(values) if isinstance(values, list | tuple) else [values]
