"""What every layer keeps: its formula, its masks, its gradients, its types, its files."""

from __future__ import annotations

import inspect
import re

import keras
import numpy as np
import pytest
from keras import ops

from skconvattn import layers
from tests.layers.backends import DOUBLE, gradients, to_numpy
from tests.layers.cases import CASES, N_CHANNELS, Case

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
CLASSES = [o for name in layers.__all__ if inspect.isclass(o := getattr(layers, name))]
CELLS = {layers.RNNAttentionCell, layers.LinearSelfAttentionCell}


def _requests(case: Case):
    """What a layer returns beside its output if it is asked to."""
    names = [name for name in case.make().get_config() if name.startswith("return_")]
    # A state is of the past.
    return [name for name in names if name != "return_state" or case.causal]


REQUESTS = [
    pytest.param(case, request, id=f"{case.name}-{request}")
    for case in CASES
    for request in _requests(case)
]


def series(n_timepoints=9, batch=3, scale=1.0, dtype="float32", seed=1):
    shape = (batch, n_timepoints, N_CHANNELS)
    return np.random.default_rng(seed).normal(scale=scale, size=shape).astype(dtype)


def tail_mask(n_timepoints, *lengths):
    return np.arange(n_timepoints) < np.array(lengths)[:, None]


def _split(arrays):
    return arrays[0], arrays[1:]


def test_every_public_layer_is_here_and_cells_are_beside_their_layers():
    assert set(CLASSES) - {case.layer for case in CASES} == CELLS


@pytest.mark.parametrize("layer", CLASSES)
def test_documentation_gives_formula_source_shapes_and_an_example(layer):
    text = inspect.getdoc(layer)
    assert ".. math::" in text
    assert re.search(r"\(arXiv \d{4}\.\d{4,5}|et al\. \(\d{4}\)|packages? ``", text)
    assert re.search(r"^Input (and output )?\(batch, ", text, flags=re.MULTILINE)
    assert ">>> " in text


@every_case
def test_equals_its_formula(case: Case):
    layer, exact = case.built(), case.built(dtype="float64")
    for n_timepoints in (case.shortest, 9, 37):
        x = series(n_timepoints)
        expected = case.expected(layer, x)
        np.testing.assert_allclose(to_numpy(layer(x)), expected, rtol=1e-5, atol=1e-5)
        doubles = x.astype("float64")
        expected, tolerance = case.expected(exact, doubles), 1e-11 if DOUBLE else 1e-5
        np.testing.assert_allclose(
            to_numpy(exact(doubles)), expected, rtol=tolerance, atol=tolerance
        )


@every_case
def test_stays_exact_where_scores_are_extreme(case: Case):
    # Inputs of this size bring scores of several hundred. They are right to about 1e-7 of
    # themselves in single precision, and weights follow them: hence the comparison in double.
    x = series(37, scale=40.0, dtype="float64")
    layer = case.built(dtype="float64")
    expected = case.expected(layer, x)
    scale = np.abs(expected).max()
    tolerance = 1e-10 if DOUBLE else 5e-3
    np.testing.assert_allclose(to_numpy(layer(x)) / scale, expected / scale, atol=tolerance)
    assert np.isfinite(to_numpy(case.built()(x.astype("float32")))).all()


@every_case
def test_gradients_agree_with_finite_differences_of_the_formula(case: Case):
    layer = case.built(dtype="float64")
    x = series(7, batch=2, dtype="float64")
    target = np.random.default_rng(2).normal(size=to_numpy(layer(x)).shape)
    arrays = [x, *(np.asarray(w, "float64") for w in layer.get_weights())]

    def loss(x, *weights):
        outputs, _ = layer.stateless_call(weights, layer.non_trainable_variables, x)
        return ops.sum(outputs * ops.convert_to_tensor(target))

    rng = np.random.default_rng(3)
    tolerance = 1e-6 if DOUBLE else 1e-4
    for i, slope in enumerate(gradients(loss, arrays)):
        direction = rng.normal(size=arrays[i].shape)
        ahead, behind = (
            [a + step * direction if i == j else a for j, a in enumerate(arrays)]
            for step in (1e-6, -1e-6)
        )
        change = case.expected(layer, *_split(ahead)) - case.expected(layer, *_split(behind))
        expected = (change * target).sum() / 2e-6
        found = (slope * direction).sum()
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@every_case
def test_gradients_are_finite_where_scores_are_extreme_or_all_steps_masked(case: Case):
    layer = case.built()
    mask = tail_mask(9, 9, 5, 0)

    def loss(x, *weights):
        outputs, _ = layer.stateless_call(
            weights, layer.non_trainable_variables, x, mask=ops.convert_to_tensor(mask)
        )
        return ops.sum(outputs)

    arrays = [series(9, scale=40.0), *layer.get_weights()]
    for slope in gradients(loss, arrays, dtype="float32"):
        assert np.isfinite(slope).all()


@every_case
def test_a_masked_tail_equals_a_shorter_series(case: Case):
    layer = case.built()
    x = series(9)
    mask = tail_mask(9, 9, 5, max(case.shortest, 2))
    # What is masked may be missing altogether.
    outputs = to_numpy(layer(np.where(mask[..., None], x, np.nan), mask=mask))
    for i, length in enumerate(mask.sum(axis=1)):
        shorter = to_numpy(layer(x[i : i + 1, :length]))[0]
        longer = outputs[i, : len(shorter)] if case.time else outputs[i]
        np.testing.assert_allclose(longer, shorter, rtol=1e-5, atol=1e-6)


@every_case
def test_masks_go_on_with_the_steps_and_end_with_them(case: Case):
    mask = tail_mask(9, 9, 5, max(case.shortest, 2))
    layer = case.built()
    following = layer.compute_mask(series(9), ops.convert_to_tensor(mask))
    if case.time:
        strides = case.config.get("strides", 1)
        np.testing.assert_array_equal(np.asarray(following), mask[:, ::strides])
    else:
        assert following is None


@pytest.mark.parametrize(("case", "request_"), REQUESTS)
def test_what_is_asked_for_comes_after_the_same_output_in_the_shapes_announced(case, request_):
    plain, asked = case.built(), case.built(**{request_: True})
    asked.set_weights(plain.get_weights())
    inputs = keras.Input((None, N_CHANNELS))
    model = keras.Model(inputs, asked(inputs))
    for n_timepoints in (case.shortest, 9, 37):
        x = series(n_timepoints)
        output, *others = asked(x)
        np.testing.assert_allclose(to_numpy(output), to_numpy(plain(x)), rtol=1e-5, atol=1e-5)
        shapes = [tuple(tensor.shape) for tensor in (output, *others)]
        assert [tuple(shape) for shape in asked.compute_output_shape(x.shape)] == shapes
        for found, announced in zip(model(x), model.outputs, strict=True):
            pairs = zip(found.shape, announced.shape, strict=True)
            assert all(expected in (None, size) for size, expected in pairs)
        if request_ == "return_attention":
            np.testing.assert_allclose(to_numpy(others[0]).sum(axis=-1), 1, rtol=1e-5)
    assert len(asked.compute_mask(x, None)) == len(shapes)


@every_case
def test_a_series_without_a_valid_step_gives_finite_outputs(case: Case):
    outputs = case.built()(series(9), mask=np.zeros((3, 9), dtype=bool))
    assert np.isfinite(to_numpy(outputs)).all()


@pytest.mark.parametrize("case", [c for c in CASES if c.skips], ids=lambda case: case.name)
def test_a_masked_step_in_the_middle_is_as_good_as_absent(case: Case):
    layer = case.built()
    x = series(9)
    valid = np.array([0, 1, 4, 5, 8])
    mask = np.zeros((3, 9), dtype=bool)
    mask[:, valid] = True
    outputs = to_numpy(layer(x, mask=mask))
    outputs = outputs[:, valid] if case.time else outputs
    np.testing.assert_allclose(outputs, to_numpy(layer(x[:, valid])), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", [c for c in CASES if c.causal], ids=lambda case: case.name)
def test_the_past_does_not_depend_on_the_future(case: Case):
    layer = case.built()
    x = series(37)
    changed = x.copy()
    changed[:, 20:] += 3.0
    before, after = to_numpy(layer(x)), to_numpy(layer(changed))
    np.testing.assert_allclose(before[:, :20], after[:, :20], rtol=1e-6, atol=1e-6)
    assert np.abs(before[:, 20:] - after[:, 20:]).min(axis=(0, 2)).max() > 1e-3


@pytest.mark.parametrize("case", [c for c in CASES if c.permutes], ids=lambda case: case.name)
def test_the_order_of_steps_does_not_matter(case: Case):
    layer = case.built()
    x = series(9)
    order = np.random.default_rng(4).permutation(9)
    outputs = to_numpy(layer(x))
    expected = outputs[:, order] if case.time else outputs
    np.testing.assert_allclose(to_numpy(layer(x[:, order])), expected, rtol=1e-5, atol=1e-6)


@every_case
def test_weights_and_settings_survive_a_round_trip_of_the_configuration(case: Case):
    layer = case.built()
    copy = keras.layers.deserialize(keras.layers.serialize(layer))
    assert type(copy) is case.layer
    assert copy.get_config() == layer.get_config()
    for name, value in case.config.items():
        assert layer.get_config()[name] == value
    copy.set_weights(layer.get_weights())
    x = series()
    np.testing.assert_array_equal(to_numpy(copy(x)), to_numpy(layer(x)))


@every_case
def test_a_model_of_unknown_length_predicts_and_is_loaded_without_custom_objects(
    case: Case, tmp_path
):
    layer = case.built()
    inputs = keras.Input((None, N_CHANNELS))
    model = keras.Model(inputs, layer(inputs))
    n_timepoints = (None,) if case.time else ()
    assert model.output_shape == (None, *n_timepoints, to_numpy(layer(series())).shape[-1])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for length in (case.shortest, 9, 37):
        x = series(length)
        expected = to_numpy(layer(x))
        assert tuple(layer.compute_output_shape(x.shape)) == expected.shape
        np.testing.assert_allclose(model.predict_on_batch(x), expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(to_numpy(loaded(x)), to_numpy(model(x)))


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="torch has no XLA here")
@every_case
def test_xla_compiles_it(case: Case):
    layer = case.built()
    inputs = keras.Input((None, N_CHANNELS))
    model = keras.Model(inputs, layer(inputs))
    model.compile(jit_compile=True)
    x = series(37)
    np.testing.assert_allclose(model.predict_on_batch(x), to_numpy(layer(x)), rtol=1e-4, atol=1e-5)


@every_case
def test_types_follow_the_policy(case: Case):
    x = series()
    expected = to_numpy(case.built()(x))
    half = case.built(dtype="mixed_float16")
    outputs = half(x)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float16"
    assert {w.dtype for w in half.trainable_variables} <= {"float32"}
    # Ten bits of mantissa, and several roundings one after the other.
    tolerance = 16 * 2.0**-10 * max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(to_numpy(outputs), expected, atol=tolerance)
    double = case.built(dtype="float64")(x.astype("float64"))
    assert keras.backend.standardize_dtype(double.dtype) == "float64" or not DOUBLE


@every_case
def test_every_weight_has_the_initialiser_that_its_name_says(case: Case):
    layer = case.make()
    layer.build((None, 12, N_CHANNELS))
    owned = []
    for owner in layer._flatten_layers():
        for weight in owner._trainable_variables:
            initializer = getattr(owner, f"{weight.name}_initializer")
            assert isinstance(initializer, keras.initializers.Initializer)
            assert tuple(initializer(weight.shape).shape) == tuple(weight.shape)
            owned.append(weight)
    assert len(owned) == len(layer.trainable_variables)


def _role(weight):
    if weight.name == "position_embedding":  # neither a matrix nor a bias
        return None
    return "bias" if weight.name.endswith("bias") else "kernel"


def _cases_by_role(setting: str):
    return pytest.mark.parametrize(
        ("case", "role"),
        [
            pytest.param(case, role, id=f"{case.name}-{role}")
            for case in CASES
            for role in ("kernel", "bias")
            if f"{role}_{setting}" in case.make().get_config()
        ],
    )


@_cases_by_role("initializer")
def test_kernels_or_biases_start_as_asked_for(case: Case, role):
    layer = case.make(**{f"{role}_initializer": keras.initializers.Constant(3.0)})
    layer.build((None, 12, N_CHANNELS))
    for weight in layer.trainable_variables:
        assert (to_numpy(weight) == 3).all() == (_role(weight) == role)


@pytest.mark.parametrize(
    "case", [c for c in CASES if "dropout" in c.make().get_config()], ids=lambda case: case.name
)
def test_dropout_follows_its_seed_and_acts_in_training_only(case: Case):
    without = case.built()
    one, same, other = (case.make(dropout=0.5, seed=seed) for seed in (1, 1, 2))
    for layer in (one, same, other):
        layer.build((None, 12, N_CHANNELS))
        layer.set_weights(without.get_weights())
    x = series()
    dropped = to_numpy(one(x, training=True))
    np.testing.assert_array_equal(dropped, to_numpy(same(x, training=True)))
    assert np.abs(dropped - to_numpy(other(x, training=True))).max() > 1e-3
    np.testing.assert_array_equal(to_numpy(one(x)), to_numpy(without(x)))


@_cases_by_role("regularizer")
def test_penalties_are_those_of_kernels_or_of_biases(case: Case, role):
    layer = case.built(**{f"{role}_regularizer": keras.regularizers.L2(0.5)})
    of_role = [to_numpy(w) for w in layer.trainable_variables if _role(w) == role]
    expected = 0.5 * sum((w**2).sum() for w in of_role)
    np.testing.assert_allclose(sum(map(to_numpy, layer.losses)), expected, rtol=1e-5)


@_cases_by_role("constraint")
def test_constraints_hold_after_a_step_for_kernels_or_for_biases(case: Case, role):
    layer = case.built(**{f"{role}_constraint": "non_neg"})
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.build(layer.trainable_variables)
    optimizer.apply([ops.ones(w.shape) for w in layer.trainable_variables])
    for weight in layer.trainable_variables:
        assert (to_numpy(weight).min() >= 0) == (_role(weight) == role)


@every_case
def test_no_two_weights_start_alike(case: Case):
    layer = case.make()
    layer.build((None, 12, N_CHANNELS))
    random = [w for w in layer.get_weights() if np.ptp(w) > 0]
    for i, one in enumerate(random):
        for other in random[:i]:
            assert one.shape != other.shape or np.abs(one - other).max() > 1e-6
