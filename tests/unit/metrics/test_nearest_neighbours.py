"""Near copies on planted copies."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from tfgan_survey.metrics.common import MetricWarning
from tfgan_survey.metrics.nearest_neighbours import nearest_neighbours, neighbour_rows


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (1500, 5, 5, 1)).astype(np.uint8)


def test_neighbours_agree_with_brute_force(images):
    samples, train, test = images[:50], images[500:700], images[700:1400]
    found = nearest_neighbours(samples, train, test, k=3)
    table = cdist(samples.reshape(50, -1) / 255, train.reshape(200, -1) / 255)
    assert (found.indices == table.argsort(axis=1)[:, :3]).all()
    assert found.distances == pytest.approx(np.sort(table, axis=1)[:, :3], abs=1e-5)
    nearest = cdist(test.reshape(700, -1) / 255, train.reshape(200, -1) / 255).min(axis=1)
    assert found.threshold == pytest.approx(np.percentile(nearest, 1), abs=1e-5)


def test_planted_copies_are_counted(images):
    train, test = images[:500], images[500:1100]
    samples = images[1100:1200].copy()
    samples[:30] = train[200:230]
    samples[:30, 0, 0] ^= 1
    found = nearest_neighbours(samples, train, test)
    assert found.near_copies.value == pytest.approx(0.3, abs=0.03)
    assert (found.indices[:30, 0] == np.arange(200, 230)).all()
    share = found.near_copies.value
    assert found.near_copies.standard_error == pytest.approx(np.sqrt(share * (1 - share) / 100))


def test_held_out_images_score_the_percentile_by_construction(images):
    found = nearest_neighbours(images[500:], images[:500], images[500:], percentile=10.0)
    assert found.near_copies.value == pytest.approx(0.1, abs=1e-3)


def test_exact_copies_count_where_the_threshold_is_zero(images):
    """More than 1 % of the test images are in the training set: only copies are near."""
    train, test = images[:500], images[400:1000]
    samples = images[1000:1100].copy()
    samples[:40] = train[:40]
    found = nearest_neighbours(samples, train, test)
    assert found.threshold == 0.0
    assert found.near_copies.value == 0.4 and (found.near == (np.arange(100) < 40)).all()
    assert (found.distances[:40, 0] == 0).all()


def test_rows_hold_the_sample_first(images):
    rows = neighbour_rows(images[:4], images, np.array([[9, 8]] * 4))
    assert rows.shape == (4, 3, 5, 5, 1)
    assert rows[2] == pytest.approx(images[[2, 9, 8]] / 255, abs=1e-6)


def test_bad_input_is_refused(images):
    with pytest.raises(ValueError, match="k=0"):
        nearest_neighbours(images[:5], images, images, k=0)
    with pytest.raises(ValueError, match="percentile=0"):
        nearest_neighbours(images[:5], images, images, percentile=0)
    with pytest.raises(ValueError, match="needs"):
        nearest_neighbours(images[:5], images[:, :4], images)
    with pytest.raises(ValueError, match="samples holds NaN"):
        nearest_neighbours(images[:5] * np.nan, images, images)
    with pytest.warns(MetricWarning, match="20 test images"):
        nearest_neighbours(images[:5], images, images[:20])
