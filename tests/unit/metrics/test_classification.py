"""The error of a classifier: a count of wrong classes."""

from types import SimpleNamespace

import numpy as np
import pytest

from tfgan_survey.metrics import METRICS, Bench, classification_error

PROBABILITIES = np.array([[0.6, 0.3, 0.1], [0.2, 0.3, 0.5], [0.4, 0.4, 0.2], [0.1, 0.7, 0.2]])


def test_it_counts_the_wrong_ones():
    # Rows say 0, 2, 0 (the first of equal ones), 1.
    found = classification_error(PROBABILITIES, np.array([0, 2, 1, 0]))
    assert found.value == 0.5
    assert found.standard_error == pytest.approx((0.25 / 3) ** 0.5, rel=1e-12)
    assert classification_error(PROBABILITIES, np.array([0, 2, 0, 1])).value == 0.0
    assert classification_error(PROBABILITIES, np.array([1, 1, 1, 2])).value == 1.0


def test_what_is_no_classification_is_refused():
    with pytest.raises(ValueError, match=r"probabilities have shape \(4,\)"):
        classification_error(PROBABILITIES[:, 0], np.zeros(4, np.int32))
    with pytest.raises(ValueError, match="1 of them NaN"):
        classification_error(
            np.where(PROBABILITIES == 0.7, np.nan, PROBABILITIES), np.zeros(4, np.int32)
        )
    with pytest.raises(ValueError, match=r"labels has shape \(3,\); expected \(4,\)"):
        classification_error(PROBABILITIES, np.zeros(3, np.int32))
    with pytest.raises(ValueError, match="expected 0 to 2"):
        classification_error(PROBABILITIES, np.array([0, 1, 2, 3]))


@pytest.mark.parametrize("references", [True, False])
def test_the_metric_asks_the_model_about_the_test_images(references):
    images = np.zeros((4, 2, 2, 1), np.uint8)
    test = SimpleNamespace(images=images, labels=np.array([0, 2, 1, 0]), num_classes=3)
    train = SimpleNamespace(images=images, labels=np.array([2, 2, 1, 0]), num_classes=3)

    def classify(given):
        assert given is images
        return PROBABILITIES

    bench = Bench(
        None, None, train, test, "made", with_references=references,
        model=SimpleNamespace(classify=classify),
    )  # fmt: skip
    (found,) = METRICS["classification_error"]().measure(bench)
    assert (found.name, found.value, found.num, found.seed) == (
        "classification_error",
        0.5,
        4,
        None,
    )
    beside = {one.name: one.value for one in found.reference}
    assert beside == ({"most frequent class": 0.75} if references else {})
