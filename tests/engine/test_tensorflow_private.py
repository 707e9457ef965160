"""TensorFlow's private names are where they are expected, and none of them is needed."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from skconvattn import AttentionRegressor, ConvAttentionRegressor
from skconvattn.engine import programs
from skconvattn.engine.compiled import tensorflow_private, training_program
from skconvattn.engine.compiled.compiling import Compiled

X = np.random.default_rng(0).normal(size=(60, 8))
Y = X[:, 0] - X[:, 4]
NUMBERS = [tf.TensorSpec((None,), tf.float32)]
CACHED = (tensorflow_private.call_options, tensorflow_private.gradient_registry)


@pytest.fixture
def without_private_names(monkeypatch):
    """A TensorFlow that has moved all of its private names; programs are compiled anew."""
    monkeypatch.setattr(tensorflow_private, "_attribute", lambda owner, names: None)
    monkeypatch.setattr(training_program, "_PROGRAMS", programs.ProgramCache(max_size=8))
    monkeypatch.setattr(programs, "_MODELS", programs.ProgramCache(max_size=8))
    for function in CACHED:
        function.cache_clear()
    yield
    monkeypatch.undo()
    for function in CACHED:
        function.cache_clear()


def _concrete():
    return tf.function(lambda x: 2.0 * x, input_signature=NUMBERS).get_concrete_function()


def test_this_tensorflow_has_every_private_name():
    assert tensorflow_private.missing_names(_concrete()) == []


def test_a_name_that_moved_is_told_with_what_is_done_instead_and_where_to_mend_it(
    without_private_names,
):
    sentences = tensorflow_private.missing_names(_concrete())
    assert len(sentences) == 5
    assert sentences[0].startswith(
        f"TensorFlow {tf.__version__} has no tensorflow.python.framework.ops.gradient_registry."
    )
    assert all("skconvattn.engine.compiled.tensorflow_private" in s for s in sentences)
    assert "called through their public signature" in sentences[4]


def test_a_module_that_moved_is_a_missing_name(monkeypatch):
    gone = tensorflow_private.PrivateName("tensorflow.python.gone", "context", "nothing is done")
    assert tensorflow_private._found(gone) is None


@pytest.fixture(scope="module")
def fitted():
    """Fits and predictions, of one sample too, with all private names."""
    return _results()


def _results():
    results = []
    for cls in (ConvAttentionRegressor, AttentionRegressor):
        regressor = cls(members=["network"], units=3, epochs=3, random_state=0, dropout=0.2).fit(
            X, Y
        )
        few = [regressor.predict(X[:1]) for _ in range(6)]
        results += [regressor.fitted_model_.weights, regressor.predict(X), *few]
    return results


def test_training_and_prediction_are_the_same_without_any_private_name(
    fitted, without_private_names
):
    for one, other in zip(_results(), fitted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


def test_functions_are_called_flat_without_any_private_name(without_private_names):
    factor = tf.constant(3.0)  # which the function captures
    signature = [NUMBERS[0], [NUMBERS[0], NUMBERS[0]]]
    function = Compiled(lambda x, rest: (factor * x + rest[1], rest[0]), signature)
    given = [tf.constant([float(i)]) for i in range(1, 4)]
    assert function.flat(*given).numpy().tolist() == [6.0]
    assert function(given[0], given[1:])[1].numpy().tolist() == [2.0]
