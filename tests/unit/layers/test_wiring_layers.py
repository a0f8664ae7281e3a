"""Dropout keeps the mean: what is left is scaled by the share that is kept."""

import numpy as np
import pytest

from tfgan_survey.layers.dropout import Dropout, LatentDropout


@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_dropout_keeps_its_share_and_the_mean(rate):
    x = np.ones((200, 50), np.float32)
    layer = Dropout(rate, seed=0)
    y = layer(x, training=True).numpy()
    assert np.mean(y == 0) == pytest.approx(rate, abs=0.02)  # 10,000 draws, 4 errors
    np.testing.assert_allclose(y[y > 0], 1 / (1 - rate), rtol=1e-6)
    np.testing.assert_array_equal(layer(x, training=False).numpy(), x)


def test_latent_dropout_keeps_what_reaches_the_threshold_scaled():
    noise = np.array([[0.1, 0.25, 0.9]], np.float32)
    y = LatentDropout(0.25, 0.25)([np.ones((1, 3), np.float32), noise]).numpy()
    np.testing.assert_allclose(y, [[0.0, 4 / 3, 4 / 3]], rtol=1e-6)
