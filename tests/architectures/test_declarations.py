"""Hyperparameters that architectures share: one declaration each, and bounded depths."""

from __future__ import annotations

import dataclasses

import pytest

import skconvattn
from skconvattn.architectures.declarations import DEPTH

DEPTHS = [
    (cls, name)
    for _, cls in skconvattn.all_estimators("regressor")
    for name in ("n_layers", "n_convolutions")
    if name in cls._parameter_constraints
]


@pytest.mark.parametrize(("cls", "name"), DEPTHS)
def test_depths_are_bounded_by_their_declaration(cls, name):
    assert cls._parameter_constraints[name] == [DEPTH]
    with pytest.raises(ValueError, match=rf"'{name}' parameter of {cls.__name__}.*\[1, 64\]"):
        cls(**{name: 65}).fit([[0.0, 1.0]] * 8, [0.0] * 8)


def test_every_kind_of_layer_that_repeats_has_a_depth():
    assert {name for _, name in DEPTHS} == {"n_layers", "n_convolutions"}
    assert len(DEPTHS) == 4


def test_classes_that_share_a_declaration_hold_fields_of_their_own():
    fields = [
        {field.name: field for field in dataclasses.fields(cls)}
        for cls in (skconvattn.AttentionRegressor, skconvattn.ConvAttentionRegressor)
    ]
    for name in ("recurrent_units", "units"):
        one, other = (each[name] for each in fields)
        assert one is not other
        assert one.default == other.default
        for key in ("constraints", "type", "doc"):
            assert one.metadata[key] == other.metadata[key]
    searched = [each["recurrent_units"].metadata["search"] for each in fields]
    assert [each.needs for each in searched] == [None, "recurrent"]
    assert [each["attention_score"].default for each in fields] == ["luong", "bahdanau"]
    assert [each["recurrent"].default for each in fields] == ["lstm", None]
