"""The animation of attention shows the weights that the network has after each epoch."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.linear_model import LinearRegression

from skconvattn import AttentionRegressor, ConvAttentionForecaster, SelfAttentionRegressor
from skconvattn.datasets import make_maximum
from skconvattn.inspection import AttentionAnimation, attention_weights

TASK = make_maximum(120, 8, random_state=0)
SETTINGS = {"units": 4, "early_stopping": False, "random_state": 0}


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def animation():
    regressor = AttentionRegressor(epochs=4, members=("network",), **SETTINGS)
    return AttentionAnimation.from_estimator(
        regressor, TASK.X, TASK.y, shown=TASK.X[:5], steps=TASK.steps[:5]
    )


@pytest.mark.parametrize("epochs", [2, 4])
def test_a_frame_has_the_attention_of_a_fit_of_as_many_epochs(animation, epochs):
    # Nothing is held out for the choice of epochs, so that a shorter fit has the same weights.
    regressor = AttentionRegressor(epochs=epochs, members=("network",), **SETTINGS)

    expected = attention_weights(regressor.fit(TASK.X, TASK.y), TASK.X[:5])

    np.testing.assert_allclose(animation.attention[epochs], expected, rtol=1e-5)


def test_frames_start_before_training_and_sum_to_one(animation):
    assert animation.epochs == [0, 1, 2, 3, 4]
    assert animation.attention.shape == (5, 5, 8)
    np.testing.assert_allclose(animation.attention.sum(axis=2), 1, rtol=1e-6)
    steps_of_training = np.abs(np.diff(animation.attention, axis=0)).max(axis=(1, 2))
    assert (steps_of_training > 0).all()


def test_the_picture_has_the_last_frame_above_the_truth_with_labelled_axes(animation):
    animation.plot()

    np.testing.assert_array_equal(
        animation.heat_.get_array().reshape(5, 8), animation.attention[-1]
    )
    truth = animation.truth_heat_.get_array().reshape(5, 8)
    np.testing.assert_array_equal(truth.argmax(axis=1), TASK.steps[:5, 0])
    np.testing.assert_array_equal(truth.sum(axis=1), 1)
    above, below = animation.axes_
    assert above.get_title() == "attention after epoch 4"
    assert (above.get_ylabel(), below.get_ylabel()) == ("series", "series")
    assert below.get_xlabel() == "time step"
    assert animation.heat_.get_clim() == animation.truth_heat_.get_clim() == (0, 1)


def test_another_frame_takes_the_place_of_the_last(animation):
    animation.plot()

    animation.draw_frame(0)

    np.testing.assert_array_equal(animation.heat_.get_array().reshape(5, 8), animation.attention[0])
    assert animation.axes_[0].get_title() == "attention before training"


def test_a_gif_has_one_picture_per_frame(animation, tmp_path):
    animation.plot()

    animation.save(tmp_path / "attention.gif", fps=10, dpi=40)

    with Image.open(tmp_path / "attention.gif") as gif:
        assert gif.n_frames == 5
        assert gif.info["duration"] == 100  # ms
    assert animation.axes_[0].get_title() == "attention after epoch 4"
    assert animation._repr_html_().startswith(
        '<img alt="Attention over epochs" src="data:image/gif'
    )


def test_values_of_any_origin_are_drawn_without_a_truth():
    attention = np.arange(24.0).reshape(2, 3, 4)

    animation = AttentionAnimation(attention=attention, epochs=[0, 10]).plot(frame=0)

    assert animation.truth_heat_ is None
    assert len(animation.axes_) == 1
    np.testing.assert_array_equal(animation.heat_.get_array().reshape(3, 4), attention[0])
    _, axes = plt.subplots(1, 1)
    assert animation.plot(axes).axes_[0] is axes


def test_the_estimator_given_stays_as_it_was_and_the_clone_keeps_no_recorder(animation):
    regressor = AttentionRegressor(epochs=2, **SETTINGS)

    shown = AttentionAnimation.from_estimator(regressor, TASK.X, TASK.y, every=2)

    assert shown.epochs == [0, 2]
    assert shown.attention.shape == (2, 20, 8)
    assert not hasattr(regressor, "n_features_in_")
    assert regressor.callbacks is None
    assert shown.estimator_.callbacks is None
    assert shown.estimator_.predict(TASK.X[:3]).shape == (3,)


def test_self_attention_is_what_a_time_step_receives():
    regressor = SelfAttentionRegressor(filters=4, epochs=2, members=("network",), **SETTINGS)

    animation = AttentionAnimation.from_estimator(regressor, TASK.X, TASK.y, shown=TASK.X[:3])

    pairs = attention_weights(animation.estimator_, TASK.X[:3])
    np.testing.assert_allclose(animation.attention[-1], pairs.mean(axis=(1, 2)), rtol=1e-5)


def test_a_forecaster_shows_the_end_of_its_series():
    t = np.arange(60)
    y = pd.Series(np.sin(t) + t / 50, index=pd.period_range("2020-01", periods=60, freq="M"))
    forecaster = ConvAttentionForecaster(
        filters=4, epochs=2, members=("network",), window_length=12, **SETTINGS
    )

    animation = AttentionAnimation.from_estimator(forecaster, y, fh=[1, 2])

    assert animation.attention.shape == (3, 1, 12)
    np.testing.assert_allclose(animation.attention.sum(axis=2), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"every": 0}, ValueError, "every=0 takes no frame"),
        ({"estimator": LinearRegression()}, TypeError, "LinearRegression, which trains no"),
        ({"steps": np.zeros((3, 1), int)}, ValueError, r"steps has the shape \(3, 1\) and 20"),
        ({"steps": np.full((20, 1), 8)}, ValueError, "give time steps from 0 to 7"),
        ({"shown": np.zeros(8)}, ValueError, "shown has 1 axes"),
    ],
)
def test_what_cannot_be_shown_is_refused_before_training(changes, error, message):
    given = {"estimator": AttentionRegressor(epochs=10**6, **SETTINGS), **changes}
    with pytest.raises(error, match=message):
        AttentionAnimation.from_estimator(X=TASK.X, y=TASK.y, **given)


def test_shapes_that_do_not_go_together_are_refused():
    with pytest.raises(ValueError, match=r"truth has the shape \(2, 4\) and a frame \(3, 4\)"):
        AttentionAnimation(
            attention=np.ones((2, 3, 4)), epochs=[0, 1], truth=np.ones((2, 4))
        ).plot()
    with pytest.raises(ValueError, match="axes has 2 axes and 1 are drawn on"):
        AttentionAnimation(attention=np.ones((2, 3, 4)), epochs=[0, 1]).plot(plt.subplots(2)[1])
