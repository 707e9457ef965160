"""Hyperparameters that architectures share have one declaration each."""

from __future__ import annotations

import dataclasses

import skconvattn


def test_classes_that_share_a_declaration_hold_fields_of_their_own():
    fields = [
        {field.name: field for field in dataclasses.fields(cls)}
        for cls in (skconvattn.AttentionRegressor, skconvattn.ConvAttentionRegressor)
    ]
    for name in ("recurrent_units", "units"):
        one, other = (each[name] for each in fields)
        assert one is not other
        assert (one.default, one.metadata) == (other.default, other.metadata)
    assert [each["attention_score"].default for each in fields] == ["luong", "bahdanau"]
    assert [each["recurrent"].default for each in fields] == ["lstm", None]
