"""Constants of the published mixtures, and test points that are no training points."""

import numpy as np
import pytest

from tfgan_survey.data import load_arrays
from tfgan_survey.data.sets.mixtures import MIXTURES, PointSet


@pytest.mark.parametrize(
    ("name", "sigma", "modes", "reach"), [("ring", 0.01, 8, 1.0), ("grid", 0.05, 25, 4.0)]
)
def test_mixtures_have_the_published_constants(name, sigma, modes, reach):
    mixture = MIXTURES[name]()
    assert mixture.modes.shape == (modes, 2)
    assert set(mixture.sigma) == {sigma}
    assert np.abs(mixture.modes).max() == pytest.approx(reach)


@pytest.mark.parametrize("name", MIXTURES)
def test_no_test_point_is_a_training_point(name):
    train, test = load_arrays(name, "train").images, load_arrays(name, "test").images
    assert len(train) == 100_000 and len(test) == 10_000
    both = {point.tobytes() for point in train} & {point.tobytes() for point in test}
    assert len(both) < 10


def test_no_test_digit_of_the_shipped_set_is_a_training_digit():
    train, test = load_arrays("mnist_mini", "train"), load_arrays("mnist_mini", "test")
    known = {image.tobytes() for image in train.images}
    assert not any(image.tobytes() in known for image in test.images)
    assert np.bincount(train.labels).min() > 800 and np.bincount(test.labels).min() > 150


@pytest.mark.parametrize(("size", "epochs"), [(10, 128), (2**17, 64), (2**20, 8), (2**24, 1)])
def test_the_permutations_that_a_stream_holds_are_bounded(size, epochs):
    points, ids = np.zeros((size, 1), np.float32), np.zeros(size, np.int32)
    assert PointSet("made", points, ids, 1, ("a",)).known_epochs() == epochs
