"""Scores of tags: by hand, by counting, and what they are compared with."""

import numpy as np
import pytest

from tfgan_survey.errors import SettingError, UnknownNameError
from tfgan_survey.metrics.tagging import (
    by_neighbours,
    by_prior,
    by_regression,
    check_vocabulary,
    tagging,
    top_tags,
)


def values(found):
    return [one.value for one in found]


def test_scores_of_a_case_by_hand():
    # images have {a, b}, {a}, {c}; d is had by none and does not count
    tags = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0]])
    assigned = np.array([[0, 1], [0, 3], [0, 1]])
    # a: given 3 times, right 2 of 2; b: given 2, right 1 of 1; c: never given
    precision, recall = (2 / 3 + 1 / 2 + 0) / 3, (1 + 1 + 0) / 3
    f1 = 2 * precision * recall / (precision + recall)
    assert values(tagging(assigned, tags)) == pytest.approx([precision, recall, f1, 2])


def test_nothing_right_is_zero_and_all_right_is_one():
    tags = np.eye(4)
    assert values(tagging(np.array([[1], [2], [3], [0]]), tags)) == [0, 0, 0, 0]
    assert values(tagging(np.arange(4)[:, None], tags)) == pytest.approx([1, 1, 1, 4])


def test_scores_are_those_of_counting_one_by_one():
    rng = np.random.default_rng(3)
    tags = (rng.random((40, 9)) < 0.25).astype(np.uint8)
    tags[:, 8] = 0
    assigned = np.stack([rng.permutation(9)[:3] for _ in tags])
    precisions, recalls, recalled = [], [], 0
    for tag in range(9):
        has = {i for i in range(40) if tags[i, tag]}
        given = {i for i in range(40) if tag in assigned[i]}
        if has:
            precisions.append(len(has & given) / len(given) if given else 0.0)
            recalls.append(len(has & given) / len(has))
            recalled += bool(has & given)
    p, r = np.mean(precisions), np.mean(recalls)
    found = tagging(assigned, tags)
    assert values(found) == pytest.approx([p, r, 2 * p * r / (p + r), recalled])
    assert all(0 < one.standard_error < 0.2 for one in found[:3])


def test_the_error_is_that_of_other_draws_of_images():
    """Recall of one tag is a share of images: its error is known."""
    rng = np.random.default_rng(1)  # another seed than the draws': 0 would give related numbers
    right = rng.random(400) < 0.3
    assigned = np.where(right, 0, 1)[:, None]
    tags = np.tile([1, 0], (400, 1))
    error = tagging(assigned, tags).recall.standard_error
    assert error == pytest.approx(np.sqrt(0.3 * 0.7 / 400), rel=0.2)


@pytest.mark.parametrize(
    ("assigned", "tags", "message"),
    [
        ([[0, 0]], [[1, 0]], "twice"),
        ([[2]], [[1, 0]], "from 0 to 1"),
        ([[-1]], [[1, 0]], "from 0 to 1"),
        ([[0.0]], [[1, 0]], "float64"),
        ([[0], [1]], [[1, 0]], "expected"),
        ([[0]], [[0, 0]], "some"),
    ],
)
def test_what_cannot_be_scored_is_refused(assigned, tags, message):
    with pytest.raises(ValueError, match=message):
        tagging(np.array(assigned), np.array(tags))


def test_the_largest_shares_come_first_and_equal_ones_in_order():
    shares = np.array([[0.1, 0.5, 0.5, 0.0], [0.0, 0.0, 0.0, 1.0]])
    assert top_tags(shares, 3).tolist() == [[1, 2, 0], [3, 0, 1]]
    for num in (0, 5):
        with pytest.raises(SettingError, match=f"num={num}: expected 1 to the 4 tags"):
            top_tags(shares, num)


def test_the_prior_is_the_same_for_all():
    tags = np.array([[1, 0, 1], [1, 0, 0], [1, 1, 0], [0, 1, 1]])
    found = by_prior(np.zeros((4, 2)), tags, np.zeros((5, 2)))
    np.testing.assert_allclose(found, np.tile([0.75, 0.5, 0.5], (5, 1)))


def test_neighbours_hand_on_what_they_share_then_what_the_nearer_has():
    features = np.array([[4.0, 0.0], [3.0, 1.0], [0.0, 1.0], [0.0, 2.0]])
    #                common to both: 1; the nearer one's: 0; the other's: 2; 3 of the far ones
    tags = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 1, 1]])
    order = top_tags(by_neighbours(features, tags, np.array([[1.0, 0.0]])), 4)
    assert order.tolist() == [[1, 0, 2, 3]]
    # a vector's length does not matter: by distance the row (0, 1) would be nearest
    again = top_tags(by_neighbours(features, tags, np.array([[0.1, 0.0]])), 4)
    assert again.tolist() == [[1, 0, 2, 3]]


def test_among_tags_of_no_neighbour_the_common_ones_come_first():
    features = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.0, 2.0], [0.1, 2.0]])
    tags = np.array([[1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 1, 1], [0, 0, 1]])
    assert top_tags(by_neighbours(features, tags, features[:1]), 3).tolist() == [[0, 2, 1]]


def test_a_regression_learns_what_features_say_and_knows_tags_that_are_always_alike():
    rng = np.random.default_rng(0)
    features = rng.integers(0, 2, (200, 3)).astype(np.float32)
    tags = np.column_stack([features[:, 0], 1 - features[:, 1], np.ones(200), np.zeros(200)])
    found = by_regression(features, tags, np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))
    assert found.shape == (2, 4)
    assert (found[0, :2] > 0.5).tolist() == [True, False]
    assert (found[1, :2] > 0.5).tolist() == [False, True]
    assert found[:, 2:].tolist() == [[1, 0], [1, 0]]


def test_tags_that_a_model_does_not_know_are_named():
    check_vocabulary(("sky", "sea"), ("sky", "sea"))
    with pytest.raises(UnknownNameError, match=r"'seaa', none of the 2 .* did you mean sea"):
        check_vocabulary(("sky", "seaa"), ("sky", "sea"))
    for words in (("sea", "sky"), ("sky",)):
        with pytest.raises(SettingError, match="another order"):
            check_vocabulary(words, ("sky", "sea"))
