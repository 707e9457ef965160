"""Compiled functions are traced once, wherever they are called, and leave TensorFlow's options."""

from __future__ import annotations

import pytest
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2, rewriter_config_pb2
from tensorflow.python.eager import context
from tensorflow.python.framework import ops

from skconvattn.engine.compiled.compiling import Compiled, _with_one_pass

NUMBERS = [tf.TensorSpec((None,), tf.float32)]


def _counted():
    """A compiled function that doubles numbers, and how often it was traced."""
    traces = []

    def double(x):
        traces.append(1)
        return 2.0 * x

    return Compiled(double, NUMBERS), traces


def test_a_function_is_traced_at_its_first_call_alone():
    double, traces = _counted()
    assert traces == []
    assert double(tf.constant([1.0, 2.0])).numpy().tolist() == [2.0, 4.0]
    assert double(tf.constant([3.0])).numpy().tolist() == [6.0]
    assert traces == [1]


def test_functions_around_a_function_share_its_trace():
    double, traces = _counted()

    def repeatedly(x):
        _, doubled = tf.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, double(x)), (0, x))
        return doubled

    outer = [Compiled(repeatedly, NUMBERS), Compiled(lambda x: double(x) + 1.0, NUMBERS)]
    assert outer[0](tf.constant([1.0])).numpy().tolist() == [8.0]
    assert outer[1](tf.constant([1.0])).numpy().tolist() == [3.0]
    assert double(tf.constant([1.0])).numpy().tolist() == [2.0]
    assert traces == [1]


def test_the_options_of_the_thread_are_as_before_also_after_an_error():
    before = context.context().function_call_options
    fail = Compiled(lambda x: tf.debugging.check_numerics(x, "not finite"), NUMBERS)
    with pytest.raises(tf.errors.InvalidArgumentError):
        fail(tf.constant([float("nan")]))
    assert context.context().function_call_options is before


def test_options_that_the_user_set_are_kept():
    config = config_pb2.ConfigProto(inter_op_parallelism_threads=3)
    two = rewriter_config_pb2.RewriterConfig.TWO
    once = config_pb2.ConfigProto.FromString(
        _with_one_pass(
            context.FunctionCallOptions, "", config.SerializeToString()
        ).config_proto_serialized
    )
    assert once.inter_op_parallelism_threads == 3
    rewriting = once.graph_options.rewrite_options
    assert rewriting.meta_optimizer_iterations == rewriter_config_pb2.RewriterConfig.ONE
    config.graph_options.rewrite_options.meta_optimizer_iterations = two
    kept = _with_one_pass(
        context.FunctionCallOptions, "", config.SerializeToString()
    ).config_proto_serialized
    assert config_pb2.ConfigProto.FromString(kept) == config


def test_tensors_given_one_after_the_other_give_the_same_without_another_trace():
    double, traces = _counted()
    numbers = tf.constant([1.0, 2.5])
    assert double.flat(numbers).numpy().tolist() == double(numbers).numpy().tolist() == [2.0, 5.0]
    factor = tf.constant(3.0)  # which the function captures
    triple = Compiled(lambda x: factor * x, NUMBERS)
    assert triple.flat(numbers).numpy().tolist() == [3.0, 7.5]
    assert traces == [1]


def test_tensors_may_be_given_one_after_the_other_to_loops_and_conditions():
    def halve_while_large(x):
        return tf.while_loop(lambda x: tf.reduce_max(x) > 1.0, lambda x: (x / 2.0,), (x,))[0]

    def nested(x):
        halve = tf.function(halve_while_large, autograph=False)
        return tf.cond(tf.reduce_max(x) > 0.0, lambda: halve(x), lambda: -x)

    for function in (halve_while_large, nested):
        compiled = Compiled(function, NUMBERS)
        assert compiled.flat(tf.constant([1.0, 4.0])).numpy().tolist() == [0.25, 1.0]


def test_operations_run_in_the_calling_thread_unless_there_is_a_loop(monkeypatch):
    chosen = []
    execute = context.Context.call_function

    def noted(self, *arguments, **kwargs):
        chosen.append(self.function_call_options.executor_type)
        return execute(self, *arguments, **kwargs)

    straight = Compiled(lambda x: 2.0 * x, NUMBERS)
    looped = Compiled(lambda x: tf.while_loop(lambda x: False, lambda x: (x,), (x,))[0], NUMBERS)
    monkeypatch.setattr(context.Context, "call_function", noted)
    straight.flat(tf.constant([1.0]))
    looped.flat(tf.constant([1.0]))
    of_the_user = context.context().function_call_options.executor_type
    assert chosen == ["SINGLE_THREADED_EXECUTOR", of_the_user]


def test_gradients_registered_while_tracing_are_forgotten_and_those_of_users_kept():
    @tf.RegisterGradient("HalvedInThisTest")
    def halved(op, gradient):
        return gradient / 2.0

    @tf.custom_gradient
    def tripled_gradient(x):
        return x * 1.0, lambda gradient: 3.0 * gradient

    def gradient(x):
        with tf.compat.v1.get_default_graph().gradient_override_map(
            {"Identity": "HalvedInThisTest"}
        ):
            y = tf.identity(tripled_gradient(x))
        return tf.gradients(y, x)[0]

    registered = set(ops.gradient_registry.list())
    function = Compiled(gradient, NUMBERS)
    assert function(tf.constant([1.0])).numpy().tolist() == [1.5]
    assert set(ops.gradient_registry.list()) == registered
    assert Compiled(gradient, NUMBERS)(tf.constant([1.0])).numpy().tolist() == [1.5]
