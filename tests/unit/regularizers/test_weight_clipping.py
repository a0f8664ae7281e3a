import keras
import numpy as np
import pytest

from tfgan_survey.regularizers.base import NoRegularizer
from tfgan_survey.regularizers.weight_clipping import WeightClipping


@pytest.fixture
def critic():
    layers = [keras.layers.Dense(4), keras.layers.BatchNormalization(), keras.layers.Dense(1)]
    network = keras.Sequential([keras.Input((3,)), *layers])
    generator = np.random.default_rng(0)
    network.set_weights([generator.normal(scale=0.05, size=w.shape) for w in network.weights])
    return network


@pytest.mark.parametrize("clip_value", [0.01, 0.05])
def test_weights_outside_move_to_the_bound_and_those_inside_stay(critic, clip_value):
    before = [np.array(w) for w in critic.trainable_variables]
    statistics = [np.array(w) for w in critic.non_trainable_variables]
    WeightClipping(clip_value).project(critic)
    for old, new in zip(before, critic.trainable_variables, strict=True):
        new, inside = np.array(new), np.abs(old) <= clip_value
        np.testing.assert_array_equal(new[inside], old[inside])
        np.testing.assert_array_equal(new[~inside], np.float32(clip_value) * np.sign(old[~inside]))
    assert any((np.abs(old) > clip_value).any() for old in before)
    for old, new in zip(statistics, critic.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(new, old)


def test_none_changes_nothing(critic):
    before = [np.array(w) for w in critic.weights]
    NoRegularizer().project(critic)
    assert float(NoRegularizer().penalty(critic, None, None, None)) == 0.0
    for old, new in zip(before, critic.weights, strict=True):
        np.testing.assert_array_equal(new, old)


@pytest.mark.parametrize("clip_value", [0.0, -0.01])
def test_a_bound_that_is_not_positive_is_refused(clip_value):
    with pytest.raises(ValueError, match="clip_value"):
        WeightClipping(clip_value)
