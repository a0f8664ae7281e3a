"""The network's equations against a second implementation, with small random weights."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.metrics.inception_weights import fold_units
from tfgan_survey.metrics.networks.inception import InceptionNetwork, average_pool

_spec = importlib.util.spec_from_file_location(
    "inception_toy", Path(__file__).with_name("inception_toy.py")
)
toy = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(toy)


@pytest.fixture(scope="module")
def tensors():
    return toy.make_tensors(seed=1)


@pytest.fixture(scope="module")
def network(tensors):
    return InceptionNetwork(fold_units(tensors, prefix=""))


@pytest.mark.parametrize("size", [(28, 28), (37, 53), (299, 299), (320, 400)])
def test_features_are_those_of_the_independent_network(size, network, tensors):
    images = np.random.default_rng(2).integers(0, 256, (2, *size, 3), np.uint8)
    expected = toy.network(images, tensors)
    assert np.count_nonzero(expected) > 0.5 * expected.size
    assert network(images) == pytest.approx(expected, rel=2e-3, abs=2e-3 * expected.max())


def test_a_unit_is_its_convolution_normalised_and_cut_off():
    rng = np.random.default_rng(0)
    tensors = {
        "u.weight": rng.normal(size=(4, 3, 3, 3)),
        "u.mean": rng.normal(size=4),
        "u.var": np.asarray([0.0, 0.001, 1.0, 4.0]),
        "u.beta": rng.normal(size=4),
    }
    units = fold_units(tensors, prefix="")
    x = rng.normal(size=(2, 3, 9, 9))
    found = InceptionNetwork(units)._unit(x.transpose(0, 2, 3, 1).astype(np.float32), "u", 2)
    expected = toy.unit(x, tensors, "u", (2, 1, 1, 3, 3)).transpose(0, 2, 3, 1)
    assert found.numpy() == pytest.approx(expected, abs=1e-4)


def test_average_pool_counts_only_what_lies_inside():
    x = np.random.default_rng(3).normal(size=(1, 5, 6, 2)).astype(np.float32)
    found = average_pool(tf.constant(x)).numpy()
    for row in range(5):
        for column in range(6):
            inside = x[0, max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
            assert found[0, row, column] == pytest.approx(inside.mean(axis=(0, 1)), abs=1e-6)


def test_values_are_read_as_bytes(network, tensors):
    # 128 is the zero of the network: only the constants of the units are left.
    grey = network(np.full((1, 30, 30, 3), 128, np.uint8))
    assert grey == pytest.approx(toy.network(np.full((1, 30, 30, 3), 128.0), tensors), rel=1e-3)
    assert np.abs(network(np.full((1, 30, 30, 3), 255, np.uint8)) - grey).max() > 1e-3
