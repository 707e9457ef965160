"""An animation of attention over the epochs of training."""

from __future__ import annotations

import base64
import copy
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from skconvattn.engine.weights import Layout
from skconvattn.estimators.base import BaseNeuralEstimator
from skconvattn.forecasting import BaseNeuralForecaster
from skconvattn.inspection import drawing
from skconvattn.inspection.weights import attention_weights, received_attention

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.colorbar import Colorbar
    from matplotlib.figure import Figure


class AttentionAnimation:
    """Attention to each time step as it changes over the epochs of training, above the truth.

    Create it with :meth:`from_estimator`, which trains a clone, or from values of any origin and
    call :meth:`plot`. In a notebook it shows itself as a moving picture.

    Parameters
    ----------
    attention : ndarray of shape (n_frames, n_samples, n_timepoints)
        Weights of each frame, which sum to one per series.
    epochs : sequence of int of length n_frames
        Epochs that were trained when the weights were taken; 0 is before training.
    truth : ndarray of shape (n_samples, n_timepoints), optional
        What attention should be: weights of the time steps that the target depends on.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes
        Axes of the attention and, below, of the truth, if there is one.
    figure_ : matplotlib.figure.Figure
        Figure with the axes.
    heat_ : matplotlib.collections.QuadMesh
        Attention of the frame that is drawn.
    truth_heat_ : matplotlib.collections.QuadMesh or None
        The truth.
    colorbar_ : matplotlib.colorbar.Colorbar
        Scale of the colours, the same for all frames and for the truth.
    estimator_ : estimator of skconvattn
        The clone that :meth:`from_estimator` trained; None without one.

    Examples
    --------
    >>> from skconvattn import AttentionRegressor
    >>> from skconvattn.datasets import make_maximum
    >>> from skconvattn.inspection import AttentionAnimation
    >>> task = make_maximum(n_samples=100, n_timepoints=8, random_state=0)
    >>> regressor = AttentionRegressor(epochs=4, early_stopping=False, random_state=0)
    >>> animation = AttentionAnimation.from_estimator(
    ...     regressor, task.X, task.y, shown=task.X[:5], steps=task.steps[:5]
    ... )
    >>> animation.attention.shape, animation.epochs
    ((5, 5, 8), [0, 1, 2, 3, 4])
    """

    def __init__(
        self,
        *,
        attention: np.ndarray,
        epochs: Sequence[int],
        truth: np.ndarray | None = None,
    ) -> None:
        self.attention = attention
        self.epochs = epochs
        self.truth = truth
        self.estimator_: Any = None

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        shown: Any = None,
        steps: Any = None,
        every: int = 1,
        fh: Any = None,
    ) -> AttentionAnimation:
        """Train a clone and draw its attention after the last epoch.

        Self-attention, which has a weight per pair of positions, is drawn as what each time step
        receives on average over heads and attending positions. Frames have the weights at the end
        of their epochs; a fit that stops early goes on with the weights of its best epoch.

        Parameters
        ----------
        estimator : estimator of skconvattn
            A forecaster, regressor or classifier, fitted or not, whose network attends.
        X, y : array-like
            What a regressor or classifier is fitted to; for a forecaster ``X`` is the series, a
            pandas.Series, and ``y`` is left out.
        shown : array-like or pandas.Series, optional
            As ``X`` of :func:`~skconvattn.inspection.attention_weights`: the series that attention
            is shown of. The first 20 of ``X`` by default; for forecasters the end of the series.
        steps : array-like of int of shape (n_samples, n_steps), optional
            Time steps of the series shown that the target depends on. They share the truth evenly.
        every : int, default=1
            Epochs from one frame to the next.
        fh : int, list or sktime.ForecastingHorizon, optional
            The horizon, for forecasters.

        Returns
        -------
        AttentionAnimation
            The animation, with its last frame drawn.

        Raises
        ------
        TypeError
            If ``estimator`` is no estimator of this package that trains.
        ValueError
            If ``every`` is below 1, ``steps`` are not those of the series shown, or the network
            has no attention.
        ImportError
            If Matplotlib is not installed.
        """
        drawing.import_pyplot()
        forecasts = isinstance(estimator, BaseNeuralForecaster)
        if not forecasts and not isinstance(estimator, BaseNeuralEstimator):
            raise TypeError(
                f"estimator is a {type(estimator).__name__}, which trains no attention; give an "
                "estimator of skconvattn with a network."
            )
        if every < 1:
            raise ValueError(f"every={every} takes no frame; use every >= 1.")
        if shown is None and not forecasts:
            shown = np.asarray(X)[:20]
        n_samples, n_timepoints = (1, 0) if forecasts else _sizes(np.asarray(shown))
        truth = None if steps is None else _truth_of(np.asarray(steps), n_samples, n_timepoints)
        fitted, recorder = _trained(estimator, every, X, *([] if forecasts else [y]), fh=fh)
        attention = [_attention_of(fitted, weights, shown) for weights in recorder.weights]
        animation = cls(attention=np.stack(attention), epochs=list(recorder.epochs), truth=truth)
        animation.estimator_ = fitted
        return animation.plot()

    def plot(self, axes: Any = None, *, frame: int = -1) -> AttentionAnimation:
        """Draw one frame.

        Parameters
        ----------
        axes : sequence of matplotlib.axes.Axes, optional
            Axes to draw on, one for the attention and one for the truth, if there is one; those of
            a new figure by default.
        frame : int, default=-1
            The frame, the last one by default.

        Returns
        -------
        AttentionAnimation
            The animation itself.

        Raises
        ------
        ValueError
            If the number of axes, or the shape of the truth, is another.
        ImportError
            If Matplotlib is not installed.
        """
        plt = drawing.import_pyplot()
        maps = [self.attention[frame], *([] if self.truth is None else [self.truth])]
        if self.truth is not None and self.truth.shape != self.attention.shape[1:]:
            raise ValueError(
                f"truth has the shape {self.truth.shape} and a frame {self.attention.shape[1:]}; "
                "give one weight per series and time step."
            )
        if axes is None:
            axes = plt.subplots(
                len(maps), 1, figsize=(7.0, 1.0 + 2.2 * len(maps)), sharex=True,
                layout="constrained", squeeze=False,
            )[1][:, 0]  # fmt: skip
        self.axes_: np.ndarray = np.atleast_1d(np.asarray(axes, dtype=object))
        if len(self.axes_) != len(maps):
            raise ValueError(f"axes has {len(self.axes_)} axes and {len(maps)} are drawn on.")
        heats = [self._draw_map(ax, values) for ax, values in zip(self.axes_, maps, strict=True)]
        self.heat_: QuadMesh = heats[0]
        self.truth_heat_: QuadMesh | None = heats[1] if self.truth is not None else None
        if self.truth is not None:
            self.axes_[1].set_title("truth: the time steps that count", fontsize="medium")
        self.axes_[-1].set_xlabel("time step")
        self.figure_: Figure = self.axes_[0].figure
        self.colorbar_: Colorbar = self.figure_.colorbar(
            heats[0], ax=list(self.axes_), label="attention", pad=0.02
        )
        self.colorbar_.outline.set_visible(False)
        self.draw_frame(frame)
        return self

    def draw_frame(self, frame: int) -> None:
        """Show another frame on the axes that were drawn.

        Parameters
        ----------
        frame : int
            The frame, counted from 0, or from the end with negative numbers.
        """
        self.heat_.set_array(self.attention[frame])
        epoch = self.epochs[frame]
        title = "attention before training" if epoch == 0 else f"attention after epoch {epoch}"
        self.axes_[0].set_title(title, fontsize="medium")

    def animate(self, interval: int = 200) -> FuncAnimation:
        """Return an animation of Matplotlib on the figure that is drawn.

        Parameters
        ----------
        interval : int, default=200
            Milliseconds from one frame to the next.

        Returns
        -------
        matplotlib.animation.FuncAnimation
            The animation; show it, save it or call ``to_jshtml`` before it is deleted.
        """
        from matplotlib.animation import FuncAnimation

        def draw(frame: int) -> list[QuadMesh]:
            self.draw_frame(frame)
            return [self.heat_]

        return FuncAnimation(self.figure_, draw, frames=len(self.attention), interval=interval)

    def save(self, path: str | Path, *, fps: int = 5, dpi: float = 80.0) -> None:
        """Write a GIF.

        Parameters
        ----------
        path : str or pathlib.Path
            File, which is overwritten.
        fps : int, default=5
            Frames per second.
        dpi : float, default=80.0
            Dots per inch.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        from matplotlib.animation import PillowWriter

        self.animate().save(str(path), writer=PillowWriter(fps=fps), dpi=dpi)
        self.draw_frame(-1)

    def _repr_html_(self) -> str:
        """Return the GIF as HTML, for notebooks."""
        if not hasattr(self, "figure_"):
            self.plot()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "attention.gif"
            self.save(path)
            data = base64.b64encode(path.read_bytes()).decode("ascii")
        return f'<img alt="Attention over epochs" src="data:image/gif;base64,{data}">'

    def _draw_map(self, ax: Axes, values: np.ndarray) -> QuadMesh:
        from matplotlib.colors import LinearSegmentedColormap
        from matplotlib.ticker import MaxNLocator

        n_samples, n_timepoints = values.shape
        colours = LinearSegmentedColormap.from_list("attention", ["white", drawing.ATTENTION])
        highest = max(self.attention.max(), 0 if self.truth is None else self.truth.max())
        columns, rows = np.arange(n_timepoints + 1) - 0.5, np.arange(n_samples + 1) - 0.5
        heat = ax.pcolormesh(columns, rows, values, cmap=colours, vmin=0.0, vmax=highest)
        if not ax.yaxis_inverted():
            ax.invert_yaxis()
        ax.set_ylabel("series")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(integer=True))
        return heat


def _sizes(shown: np.ndarray) -> tuple[int, int]:
    if shown.ndim not in (2, 3):
        raise ValueError(
            f"shown has {shown.ndim} axes; give series of shape (n_samples, n_timepoints) or "
            "(n_samples, n_channels, n_timepoints)."
        )
    return shown.shape[0], shown.shape[-1]


def _truth_of(steps: np.ndarray, n_samples: int, n_timepoints: int) -> np.ndarray:
    """Return even weights of the steps of each series, (n_samples, n_timepoints)."""
    if n_timepoints == 0:
        raise ValueError("steps are not known of a forecaster's window; use steps=None.")
    if steps.ndim != 2 or len(steps) != n_samples:
        raise ValueError(
            f"steps has the shape {steps.shape} and {n_samples} series are shown; give an array of "
            f"shape ({n_samples}, n_steps)."
        )
    if steps.min() < 0 or steps.max() >= n_timepoints:
        raise ValueError(
            f"steps reaches from {steps.min()} to {steps.max()}; give time steps from 0 to "
            f"{n_timepoints - 1}."
        )
    truth = np.zeros((n_samples, n_timepoints))
    np.put_along_axis(truth, steps, 1.0, axis=1)
    return truth / truth.sum(axis=1, keepdims=True)


def _trained(estimator: Any, every: int, *data: Any, fh: Any) -> tuple[Any, Any]:
    """Return a fitted clone, and the callback that noted its weights."""
    recorder, fitted = _recorder(every), clone(estimator)
    # Assigned, since set_params of a forecaster forgets a fit.
    fitted.callbacks = [*(estimator.callbacks or ()), recorder]
    fitted.fit(*data, **({} if fh is None else {"fh": fh}))
    fitted.callbacks = estimator.callbacks
    return fitted, recorder


def _recorder(every: int) -> Any:
    """Return a Keras callback that notes the weights before training and after some epochs."""
    import keras

    class Recorder(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.epochs: list[int] = []
            self.weights: list[tuple[np.ndarray, tuple[np.ndarray, ...]]] = []

        def on_train_begin(self, logs: Any = None) -> None:
            # A fit works on a copy that shares the lists: they are emptied, not replaced.
            self.epochs.clear()
            self.weights.clear()
            self._note(0)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if (epoch + 1) % every == 0:
                self._note(epoch + 1)

        def _note(self, epoch: int) -> None:
            trainable = [np.asarray(v.numpy()) for v in self.model.trainable_variables]
            state = tuple(np.asarray(v.numpy()) for v in self.model.non_trainable_variables)
            self.epochs.append(epoch)
            self.weights.append((Layout.of(trainable).flatten(trainable), state))

    return Recorder()


def _attention_of(estimator: Any, weights: Any, shown: Any) -> np.ndarray:
    """Return the attention of an estimator's network with other weights."""
    vector, state = weights
    changed = copy.copy(estimator)
    model = replace(estimator.fitted_model_, weights=vector, state=state)
    if isinstance(estimator, BaseNeuralForecaster):
        changed.fitted_forecast_ = replace(estimator.fitted_forecast_, model=model)
        attention = np.asarray(attention_weights(changed, shown, member="network"))
        n_timepoints = estimator.window_length_
    else:
        changed.fitted_model_ = model
        attention = np.asarray(attention_weights(changed, shown))
        n_timepoints = np.shape(shown)[-1]
    if attention.ndim == 4:
        return received_attention(changed, attention, n_timepoints)
    return np.atleast_2d(attention)
