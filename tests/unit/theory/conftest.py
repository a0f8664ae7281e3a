"""Two distributions on cells that every theorem is checked on."""

import numpy as np
import pytest


@pytest.fixture
def masses():
    rng = np.random.default_rng(3)
    p, q = rng.gamma(0.7, size=(2, 40)) + 1e-3
    return p / p.sum(), q / q.sum()
