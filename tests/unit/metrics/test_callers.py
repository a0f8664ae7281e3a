"""Published constants, as functions hold them and as their callers pass them."""

import inspect
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from tfgan_survey import metrics
from tfgan_survey.metrics import METRICS, Bench
from tfgan_survey.metrics.nearest_neighbours import THRESHOLD_IMAGES, copy_threshold
from tfgan_survey.metrics.needs import Given
from tfgan_survey.metrics.parzen import NUM_SAMPLES, NUM_SELECTION, SIGMAS

DEFAULTS = {
    "precision_recall": {"k": 3},  # arXiv:1904.06991, section 3
    "density_coverage": {"k": 5},  # arXiv:2002.09797, section 3.4
    "kernel_distance": {"block_size": 1000},  # arXiv:1801.01401, section 4
    "classifier_score": {"splits": 10},  # arXiv:1606.03498, section 4
    "frechet_standard_error": {"resamples": 50},
    "real_frechet_distance": {"draws": 10},
    "nearest_neighbours": {"k": 5, "percentile": 1.0},
    "gan_train": {"seeds": (0, 1, 2), "epochs": 10},
    "mixture_coverage": {"width": 3.0},  # arXiv:1712.04086, section 4
    "sliced_wasserstein": {"directions": 512},  # arXiv:1710.10196, section 5
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults_are_the_published_ones(name):
    parameters = inspect.signature(getattr(metrics, name)).parameters
    assert {key: parameters[key].default for key in DEFAULTS[name]} == DEFAULTS[name]


def test_parzen_has_the_constants_of_2014():
    assert pytest.approx(np.logspace(-1, 0, 10)) == SIGMAS
    assert (NUM_SAMPLES, NUM_SELECTION, THRESHOLD_IMAGES) == (10_000, 1_000, 2_000)


def sets(num_train, num_test, side, seed=0):
    rng = np.random.default_rng(seed)
    train, test = (
        SimpleNamespace(
            images=rng.integers(0, 256, (num, side, side, 1)).astype(np.uint8),
            labels=(np.arange(num) % 2).astype(np.int32),
            num_classes=2,
        )
        for num in (num_train, num_test)
    )
    return rng, train, test


class Projections:
    """Features and probabilities of any images, in place of a shipped classifier."""

    dataset, sha256 = "made", "0" * 64

    def both(self, images, progress=None):
        rows = images.reshape(len(images), -1) / 255.0
        weights = np.random.default_rng(1).normal(size=(rows.shape[1], 6))
        features = rows @ weights
        exponentials = np.exp(3 * features[:, :3])
        return features, exponentials / exponentials.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def bench():
    rng, train, test = sets(900, 700, 4)
    images = rng.integers(40, 256, (650, 4, 4, 1)).astype(np.uint8)
    untrained = rng.integers(0, 60, (650, 4, 4, 1)).astype(np.uint8)
    made = Bench(images, None, train, test, "made", 11, untrained, "blank")
    made.features = Projections()
    return made


def parts(measurement):
    references = {one.name: one for one in measurement.reference}
    return [
        (one.value, one.standard_error)
        for one in (measurement, references["real images"], references["blank"])
    ]


def test_callers_pass_seeds_and_published_constants(bench):
    def call(function, *arguments, **constants):
        return tuple(function(*arguments, **constants))

    def measured(name):
        return METRICS[name]().measure(bench)

    fake, blank, real, train = bench.fake, bench.blank, bench.real, bench.training
    order = np.random.default_rng(11).permutation(900)
    assert np.array_equal(train[0], bench.features.both(bench.train.images)[0][order])

    (found,) = measured("frechet_distance")
    distance, error = metrics.frechet_distance, metrics.frechet_standard_error
    assert parts(found) == [
        (distance(fake[0], real[0]), error(fake[0], real[0], 50, 11)),
        call(metrics.real_frechet_distance, train[0], real[0], 650, 10, 11),
        (distance(blank[0], real[0]), error(blank[0], real[0], 50, 11)),
    ]
    (found,) = measured("kernel_distance")
    assert parts(found) == [
        call(metrics.kernel_distance, one, real[0], 1000, 11)
        for one in (fake[0], train[0][:650], blank[0])
    ]
    (found,) = measured("classifier_score")
    assert parts(found) == [
        call(metrics.classifier_score, one, 10, 11) for one in (fake[1], train[1][:650], blank[1])
    ]
    for name, k in (("precision_recall", 3), ("density_coverage", 5)):
        for i, found in enumerate(measured(name)):
            assert parts(found) == [
                tuple(getattr(metrics, name)(real[0][:650], one[:650], k)[i])
                for one in (fake[0], train[0], blank[0])
            ]
            assert found.num == 650 and f"k={k}," in found.protocol
    (found,) = measured("sliced_wasserstein")
    # Drawn, not the first: a set may be sorted by class.
    test = bench.test.images[np.random.default_rng(11).permutation(len(bench.test.images))[:650]]
    assert parts(found) == [
        call(metrics.sliced_wasserstein, one, test, 512, 11)
        for one in (bench.images, bench.train.images[order[:650]], bench.untrained)
    ]


def test_near_copies_are_judged_by_two_thousand_test_images():
    rng, train, test = sets(100, 4100, 3, seed=2)
    samples = rng.integers(0, 256, (2100, 3, 3, 1)).astype(np.uint8)
    samples[:2000:4] = train.images[rng.integers(0, 100, 500)]
    samples[2000:] = train.images
    bench = Bench(samples, None, train, test, "made", 0)
    (found,) = METRICS["nearest_neighbours"]().measure(bench)

    def nearest(images):
        rows = images.reshape(len(images), -1) / 255.0
        known = train.images.reshape(100, -1) / 255.0
        return np.sqrt(((rows[:, None] - known) ** 2).sum(axis=2)).min(axis=1)

    threshold = copy_threshold(nearest(test.images[:2000]), 1.0)
    assert found.details["threshold"] == pytest.approx(threshold, abs=1e-6)
    assert found.num == 2000
    assert found.value == pytest.approx((nearest(samples[:2000]) <= threshold).mean(), abs=1e-9)
    assert 0.25 <= found.value < 0.27
    real = (nearest(test.images[2000:4000]) <= threshold).mean()
    assert found.reference[0].value == pytest.approx(real, abs=1e-9)


@pytest.mark.filterwarnings("ignore:.*protocol of 2014")
def test_parzen_takes_its_validation_images_and_as_many_real_ones():
    rng, train, test = sets(60_000, 40, 2)
    # Black, so that a window chosen on them would be another one.
    train.images[:50_000] = 0
    bench = Bench(rng.integers(0, 256, (150, 2, 2, 1)).astype(np.uint8), None, train, test, "made")
    (found,) = METRICS["parzen_log_likelihood"]().measure(bench)
    validation = train.images[50_000:]
    wanted = metrics.parzen_log_likelihood(bench.images, validation, test.images)
    black = metrics.parzen_log_likelihood(bench.images, train.images[:1000], test.images)
    assert black.sigma > wanted.sigma
    assert (found.value, found.standard_error, found.details["sigma"]) == tuple(wanted)
    line = metrics.parzen_log_likelihood(train.images[:150], validation, test.images)
    assert found.reference[0].value == line.value
    missing = METRICS["parzen_log_likelihood"].missing
    assert missing(Given("made", (2, 2, 1), False, 60_000)) is None
    assert "made has 59999 training images" in missing(Given("made", (2, 2, 1), False, 59_999))


def test_gan_test_and_diversity_take_all_classes_and_labels():
    _, train, test = sets(90, 60, 8)
    images, labels = test.images[:40].copy(), test.labels[:40].copy()
    images[labels == 1] = images[1]
    images[1::4, 0, 0] = 0
    bench = Bench(images, labels, train, test, "made", 0)
    found = METRICS["class_diversity"]().measure(bench)
    wanted = metrics.class_diversity(images, labels, test.images, test.labels, 2)
    rows = [*np.flatnonzero(train.labels == 0)[: (labels == 0).sum()]]
    rows += [*np.flatnonzero(train.labels == 1)[: (labels == 1).sum()]]
    real = metrics.class_diversity(
        train.images[rows], train.labels[rows], test.images, test.labels, 2
    )
    assert [one.value for one in found] == [wanted.mean, wanted.worst]
    assert [one.reference[0].value for one in found] == [real.mean, real.worst]
    assert found[1].details["worst_class"] == 1


def test_the_metrics_are_listed_without_tensorflow():
    code = (
        "import sys\nfrom tfgan_survey.metrics import METRICS, Features\n"
        "assert len(METRICS) > 12 and all(one.summary() for one in METRICS.values())\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
