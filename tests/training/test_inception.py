"""The Inception network with its real weights against stored features of the PyTorch original.

`benchmarks/inception_reference.py` made the reference. The weights are fetched if they are not
there (81 MB).
"""

from pathlib import Path

import numpy as np
import pytest

from tfgan_survey.metrics import inception_features, prepare_inception
from tfgan_survey.metrics.inception_weights import load_inception

pytestmark = pytest.mark.training

REFERENCE = Path(__file__).with_name("inception_reference.npz")


@pytest.fixture(scope="module")
def weights():
    return prepare_inception()


def test_the_weights_are_the_94_units_of_2015(weights):
    units = load_inception()
    assert len(units) == 94
    assert units["conv"][0].shape == (3, 3, 3, 32)
    assert units["mixed_7.tower_1.conv_4"][0].shape == (1, 7, 192, 192)
    assert units["mixed_10.tower_2_conv"][0].shape == (1, 1, 2048, 192)
    assert sum(kernel.size for kernel, _ in units.values()) == 21_751_136


@pytest.mark.parametrize("name", ["digits", "colour", "large"])
def test_features_are_those_of_the_original(name, weights):
    with np.load(REFERENCE) as reference:
        images, columns = reference[name], reference["columns"]
        expected, mean = reference[f"{name}_features"], reference[f"{name}_mean"]
    features = inception_features(images, cache=False)
    assert features.shape == (len(images), 2048)
    assert np.abs(expected).max() > 0.5
    assert features[:, columns] == pytest.approx(expected, abs=5e-4)
    assert features.mean(axis=1) == pytest.approx(mean, abs=1e-5)
