"""A split that a recipe chose for its data set does not follow to another."""

import pytest

from tfgan_survey.zoo import resolve


@pytest.mark.parametrize(
    ("overrides", "split"),
    [
        ({}, "train[:50000]"),
        ({"dataset": "mnist"}, "train[:50000]"),
        ({"dataset": "mnist_mini"}, "train"),
        ({"dataset": "mnist_mini", "split": "train[:50]"}, "train[:50]"),
        ({"dataset": "mnist_mini", "run.split": "train[:50]"}, "train[:50]"),
        ({"split": "test"}, "test"),
    ],
)
@pytest.mark.parametrize("model", ["gan_2014", "cgan_2014"])
def test_a_split_belongs_to_its_data_set(model, overrides, split):
    assert resolve(model, overrides).split == split
