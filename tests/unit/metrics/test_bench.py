"""A bench asks samples, real data and an untrained generator's samples the same question."""

from types import SimpleNamespace

import numpy as np
import pytest

from tfgan_survey.metrics import Bench
from tfgan_survey.metrics.bench import FEATURES, PROBABILITIES, Judged


def looks(images):
    """Mean of each image and its double, in place of a classifier."""
    mean = images.reshape(len(images), -1).mean(axis=1, keepdims=True)
    return mean, 2 * mean


def made(num=6, **options):
    def images(count, first):
        numbers = np.arange(first, first + count, dtype=np.uint8)
        return np.broadcast_to(numbers[:, None, None, None], (count, 2, 2, 1)).copy()

    train, test = (
        SimpleNamespace(images=images(20, first), labels=np.zeros(20, int), num_classes=1)
        for first in (100, 150)
    )
    bench = Bench(images(num, 10), None, train, test, "made", 3, images(7, 50), "blank", **options)
    bench.features = SimpleNamespace(both=lambda found, report: looks(found))
    return bench


def test_three_sets_are_judged_by_the_same_function():
    order = np.random.default_rng(3).permutation(20)
    for part, factor in ((FEATURES, 1), (PROBABILITIES, 2)):
        judged = made().judge_looks(lambda rows: (rows[:, 0].tolist(), None), part)
        wanted = [10 + np.arange(6), (100 + order)[:6], 50 + np.arange(7)]
        assert [one[0] for one in judged] == [(factor * one).tolist() for one in wanted]
    few = made().judge_looks(len, FEATURES, 4)
    assert few == Judged(4, 4, 4)


def test_without_references_real_data_are_not_looked_at():
    bench = made(with_references=False)
    asked = []
    judged = bench.judge_looks(lambda rows: asked.append(len(rows)) or (0.0, None), FEATURES)
    assert judged.real is None and asked == [6, 7]
    assert not {"training", "real"} & set(vars(bench))
    assert bench.judge(lambda x: x, (1,), (2,), (3,)) == Judged(1, None, 3)
    (reference,) = bench.measured("x", judged, "protocol").reference
    assert reference.name == "blank"


def test_a_measurement_has_the_first_two_of_each_judgement():
    bench = made()
    judged = bench.judge(lambda x: (x, x / 10, "more"), (1.0,), (2.0,), (3.0,))
    found = bench.measured("x", judged.each(lambda one: one), "protocol", 5, extra=1)
    assert (found.value, found.standard_error, found.num, found.details) == (
        1,
        0.1,
        5,
        {"extra": 1},
    )
    told = [(one.name, one.value, one.standard_error, one.num) for one in found.reference]
    assert told == [("real images", 2.0, 0.2, 5), ("blank", 3.0, 0.3, 5)]
    alone = bench.measured("x", (4.0, None), "protocol")
    assert (alone.value, alone.standard_error, alone.reference, alone.num) == (4.0, None, (), 6)


def test_other_samples_keep_what_is_known_of_real_data_only():
    bench = made()
    _ = bench.fake, bench.real, bench.blank
    other = bench.with_samples(bench.images[:2] + 1, None)
    assert other.real is bench.real and other.blank is bench.blank
    assert other.fake[0].ravel().tolist() == [11, 12]
    assert len(bench.images) == 6 and bench.fake[0].ravel().tolist() == list(range(10, 16))
    with pytest.raises(ValueError, match="NaN"):
        bench.with_samples(np.full((2, 2, 2, 1), np.nan), None)
