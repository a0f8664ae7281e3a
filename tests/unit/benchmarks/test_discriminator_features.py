"""The measurement of a discriminator's features: its classifier, its draws, its choice."""

import discriminator_features as measure
import numpy as np
import pytest
from sklearn.svm import LinearSVC


@pytest.fixture(scope="module")
def clouds():
    """Three overlapping Gaussian clouds in ten dimensions."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 400)
    middles = rng.normal(size=(3, 10))
    rows = (middles[labels] + rng.normal(size=(400, 10))).astype(np.float32)
    return measure.Split(rows, labels)


@pytest.mark.parametrize("c", [1e-3, 1e-1])
def test_the_classifier_is_scikit_learn_s(clouds, c):
    """The same minimum: weights, biases, and so the classes."""
    ours = measure.minimised(*clouds, c)
    theirs = LinearSVC(C=c, tol=1e-8, max_iter=100_000, random_state=0).fit(*clouds)
    np.testing.assert_allclose(ours.weights, theirs.coef_.T, atol=2e-3)
    np.testing.assert_allclose(ours.bias, theirs.intercept_, atol=2e-3)
    assert (ours.predict(clouds.rows) == theirs.predict(clouds.rows)).mean() > 0.995
    assert np.abs(theirs.coef_).max() > 0.05


def test_draws_are_balanced_in_every_part():
    labels = np.random.default_rng(0).integers(0, 10, 5_000)
    chosen = measure.drawn(labels, 100, 0)
    assert len(set(chosen)) == 100
    assert all(np.bincount(labels[chosen[i : i + 10]]).tolist() == [1] * 10
               for i in range(0, 100, 10))  # fmt: skip
    assert set(chosen) != set(measure.drawn(labels, 100, 1))
    assert sorted(measure.drawn(labels, 5_000, 0)) == list(range(5_000))


def test_the_choice_is_made_on_labels_of_the_training_set(clouds):
    """The columns behind the first ten are noise, which costs on what was held out."""
    rng = np.random.default_rng(1)
    noise = 3 * rng.normal(size=(400, 200)).astype(np.float32)
    rows = np.concatenate([clouds.rows, noise], axis=1)
    train = measure.Split(rows[:100], clouds.labels[:100])
    test = measure.Split(rows[100:], clouds.labels[100:])
    found = measure.measured(train, test, (10, 210))
    assert found["columns"] == 10
    assert found["C"] in measure.CHOICES["C"]
    svm = measure.minimised(train.rows[:, :10], train.labels, found["C"])
    assert found["test_error"] == pytest.approx(
        (svm.predict(test.rows[:, :10]) != test.labels).mean()
    )
    wide = measure.measured(train, test, (210,))
    assert 0.02 < found["test_error"] < wide["test_error"] - 0.1
    # What the test labels are has no part in the choice.
    other = measure.Split(test.rows, (test.labels + 1) % 3)
    again = measure.measured(train, other, (10, 210))
    kept = ("C", "columns", "held_out_error")
    assert [again[key] for key in kept] == [found[key] for key in kept]
