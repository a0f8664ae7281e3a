"""Expensive things that several metric tests share."""

import pytest

from tfgan_survey.data.sets.mini import read_mini
from tfgan_survey.metrics.features import Features


@pytest.fixture(scope="session")
def digits():
    """The shipped subset: 10,000 training and 2,000 test images in the original order."""
    return read_mini()


@pytest.fixture(scope="session")
def mnist_features():
    return Features("mnist")
