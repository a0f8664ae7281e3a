"""Metrics of translators against hand-made cases."""

import numpy as np
import pytest

from tfgan_survey.data import load_arrays
from tfgan_survey.data.domains import UnpairedSet
from tfgan_survey.data.images import ImageSet
from tfgan_survey.metrics import METRICS
from tfgan_survey.metrics.bench import Bench
from tfgan_survey.metrics.features import Features
from tfgan_survey.metrics.needs import Given
from tfgan_survey.metrics.translation import cycle_error


def test_cycle_error_is_the_mean_absolute_difference():
    x = np.zeros((2, 2, 2, 1), np.uint8)
    back = np.zeros((2, 2, 2, 1), np.float32)
    back[0, 0, 0], back[1] = 0.4, 0.5
    value, error = cycle_error(x, back)
    assert value == pytest.approx((0.1 + 0.5) / 2)
    assert error == pytest.approx(np.std([0.1, 0.5], ddof=1) / np.sqrt(2))


class Inverts:
    """Translates A to B by inversion, and back by the same."""

    directions = ("a2b", "b2a")
    faint = 0.0

    def translate(self, images, direction):
        scaled = np.asarray(images) / np.float32(255) if images.dtype == np.uint8 else images
        return np.float32(1) - scaled


@pytest.fixture(scope="module")
def digits():
    data = load_arrays("mnist_mini", "test[:200]")
    inverted = ImageSet("inverted", 255 - data.images, data.labels, 10, data.class_names)
    return UnpairedSet("two", data, inverted)


def bench(digits):
    return Bench(None, None, digits, digits, "mnist_mini,inverted.npz", model=Inverts())


def test_a_perfect_translator_comes_back_and_noise_shows_as_itself(digits):
    plain, noisy = METRICS["cycle_error"]().measure(bench(digits))
    assert plain.value == pytest.approx(0.0, abs=1e-6)
    # |N(0, 2/255)| has the mean 2/255 sqrt(2/pi); black and white clip half of it away.
    assert 0.4 < noisy.value / (2 / 255 * np.sqrt(2 / np.pi)) < 0.75


def test_recognised_is_the_classifiers_share_and_shows_the_untranslated(digits):
    (found,) = METRICS["recognised"]().measure(bench(digits))
    truth = Features("mnist").probabilities(digits.a.images).argmax(axis=1) == digits.a.labels
    assert found.value == pytest.approx(truth.mean())
    beside = {one.name: one.value for one in found.reference}
    assert beside["real test images"] == pytest.approx(truth.mean())
    assert beside["untranslated"] < 0.5


def test_they_need_two_domains_and_a_translator(digits):
    given = Given.of("mnist_mini,inverted.npz", digits, True, abilities=frozenset({"translate"}))
    assert METRICS["cycle_error"].missing(given) is None
    assert METRICS["recognised"].missing(given) is None
    other = Given.of("a.npz,b.npz", digits, True, abilities=frozenset({"translate"}))
    assert "a classifier is shipped for" in METRICS["recognised"].missing(other)
    one = Given.of("mnist_mini", digits.a, True, abilities=frozenset({"translate"}))
    assert "two domains" in METRICS["cycle_error"].missing(one)
    assert "can translate" in METRICS["cycle_error"].missing(
        Given.of("mnist_mini,inverted.npz", digits, True)
    )
