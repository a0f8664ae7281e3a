"""Classifier score against its extremes and a hand calculation."""

import numpy as np
import pytest

from tfgan_survey.metrics.classifier_score import classifier_score
from tfgan_survey.metrics.common import MetricWarning


def test_certain_and_balanced_predictions_score_the_number_of_classes():
    score = classifier_score(np.tile(np.eye(10), (100, 1)))
    assert score.value == pytest.approx(10.0, rel=1e-12)


@pytest.mark.parametrize("row", [np.full(10, 0.1), np.eye(10)[3]])
def test_equal_predictions_score_one(row):
    score = classifier_score(np.tile(row, (100, 1)))
    assert score == pytest.approx((1.0, 0.0), abs=1e-12)


def test_two_predictions_by_hand():
    p, q = np.array([0.9, 0.1]), np.array([0.3, 0.7])
    middle = (p + q) / 2
    divergence = 0.5 * (p * np.log(p / middle)).sum() + 0.5 * (q * np.log(q / middle)).sum()
    score = classifier_score(np.tile([p, q], (50, 1)))
    assert score.value == pytest.approx(np.exp(divergence), rel=1e-12)


def test_standard_error_is_the_spread_over_fresh_samples():
    rng = np.random.default_rng(0)
    draws = [rng.dirichlet(np.full(5, 0.3), size=2000) for _ in range(200)]
    spread = np.std([classifier_score(one).value for one in draws], ddof=1)
    errors = [classifier_score(one, splits=20).standard_error for one in draws[:20]]
    assert np.mean(errors) == pytest.approx(spread, rel=0.2)


def test_logits_and_broken_rows_are_refused():
    good = np.tile(np.eye(3), (20, 1))
    with pytest.raises(ValueError, match="softmax"):
        classifier_score(good * 4 - 2)
    with pytest.raises(ValueError, match="miss the sum 1"):
        classifier_score(good * 0.5)
    with pytest.raises(ValueError, match="NaN"):
        classifier_score(good * np.nan)
    with pytest.raises(ValueError, match="splits=1"):
        classifier_score(good, splits=1)
    with pytest.raises(ValueError, match="give more samples"):
        classifier_score(good[:5])


def test_too_few_rows_a_split_are_said():
    with pytest.warns(MetricWarning, match="fewer rows than the 3 classes"):
        classifier_score(np.eye(3)[[0, 1, 2, 0, 1]], splits=2)
