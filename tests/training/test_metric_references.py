"""Reference values on all of real MNIST and Fashion-MNIST; half a minute each, data needed."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.decomposition import PCA

from tfgan_survey.data import load_arrays
from tfgan_survey.evaluation import evaluate_samples
from tfgan_survey.metrics import METRICS, Bench, gan_train
from tfgan_survey.metrics.bench import PRINCIPAL
from tfgan_survey.metrics.features import Features
from tfgan_survey.metrics.frechet import frechet_distance
from tfgan_survey.metrics.kernel_distance import kernel_distance
from tfgan_survey.metrics.parzen import parzen_log_likelihood, real_parzen_log_likelihood

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def train():
    return load_arrays("mnist", "train").images


@pytest.fixture(scope="module")
def test_set():
    return load_arrays("mnist", "test")


def test_parzen_of_the_first_real_images(train, test_set):
    line = real_parzen_log_likelihood(train, train[50000:], test_set.images)
    assert line.value == pytest.approx(241.19, abs=0.02)
    assert line.standard_error == pytest.approx(2.130, abs=0.002)
    assert line.sigma == pytest.approx(0.1668, abs=1e-4)


@pytest.mark.parametrize(("clip", "expected"), [(False, 267.63), (True, 294.20)])
def test_parzen_rewards_blur(train, test_set, clip, expected):
    # PCA with 30 components fitted on train[0:50000], applied to train[0:10000]. Its values leave
    # [0, 1]; clipped, they score higher still. Real images score 241.
    rows = train[:50000].reshape(50000, -1) / 255.0
    pca = PCA(30, svd_solver="covariance_eigh").fit(rows)
    blurred = pca.inverse_transform(pca.transform(rows[:10000]))
    blurred = blurred.clip(0, 1) if clip else blurred
    result = parzen_log_likelihood(blurred, train[50000:], test_set.images, check_range=False)
    assert result.value == pytest.approx(expected, abs=0.05)


def test_retrieval_and_reconstruction_by_pixels_and_by_components(test_set):
    """Lines that a code has to beat; the model here is a code that keeps nothing."""
    train = load_arrays("mnist", "train")
    model = SimpleNamespace(
        encode=lambda images: np.zeros((len(images), 2), np.float32),
        reconstruct=lambda images: np.zeros(images.shape),
        spec=SimpleNamespace(conditional=False),
    )
    bench = Bench(None, None, train, test_set, "mnist", model=model)
    measured = [METRICS[name]().measure(bench) for name in ("retrieval", "reconstruction_error")]
    assert [ref.name for ref in measured[0][0].reference] == ["pixels", PRINCIPAL]
    found = {
        one.name: (one.value, *(ref.value for ref in one.reference))
        for some in measured
        for one in some
    }
    # All distances are 0, so that the training set's own order is the ranking.
    nothing, pixels, components = np.transpose([found[n] for n in METRICS["retrieval"].outcomes])
    assert nothing == pytest.approx([0.1, 0.1], abs=0.03)
    assert pixels == pytest.approx([0.9425, 0.4203], abs=5e-4)
    assert components == pytest.approx([0.9564, 0.4405], abs=5e-4)
    ink = ((test_set.images / 255.0) ** 2).sum((1, 2, 3)).mean()
    assert found["reconstruction_error"] == pytest.approx((ink, 52.897, 13.866), abs=2e-3)


@pytest.mark.parametrize(("dataset", "required"), [("mnist", 0.993), ("fashion_mnist", 0.91)])
def test_shipped_classifier_on_the_whole_test_set(dataset, required):
    test = load_arrays(dataset, "test")
    features = Features(dataset)
    accuracy = np.mean(features.predict(test.images) == test.labels)
    assert accuracy == pytest.approx(features.card["test_accuracy"], abs=2e-4)
    assert accuracy > required


@pytest.mark.parametrize(("dataset", "expected"), [("mnist", 0.0877), ("fashion_mnist", 0.0432)])
def test_real_images_are_near_and_noise_is_far(dataset, expected):
    features = Features(dataset)
    test = features(load_arrays(dataset, "test").images)
    real = features(load_arrays(dataset, "train[:10000]").images)
    noise = np.random.default_rng(0).random((10_000, 28, 28, 1), np.float32)
    assert frechet_distance(real, test) == pytest.approx(expected, abs=0.002)
    assert frechet_distance(features(noise), test) > 50
    kernel = kernel_distance(real, test)
    assert abs(kernel.value) < 4 * kernel.standard_error


def test_gan_train_on_real_images_equals_its_reference():
    train = load_arrays("mnist", "train[:10000]")
    result = evaluate_samples(train.images, train.labels, "mnist", ["gan_train"])[0]
    assert result.value == pytest.approx(0.990, abs=0.003)
    assert result.reference[0].value == pytest.approx(result.value, abs=0.003)
    assert result.standard_error < 0.001


def test_gan_train_takes_three_seeds_beginning_with_its_own():
    train = load_arrays("mnist_mini", "train[:260]")
    images, labels = train.images, train.labels
    test = load_arrays("mnist_mini", "test[:100]")
    bench = Bench(images, labels, train, test, "mnist_mini", 4, with_references=False)
    (found,) = METRICS["gan_train"]().measure(bench)
    single = gan_train(images, labels, test.images, test.labels, 10, seeds=(6,), epochs=10)
    assert len(found.details["per_seed"]) == 3 and "seeds (4, 5, 6)" in found.protocol
    assert found.details["per_seed"][2] == single.per_seed[0]
    assert found.value == pytest.approx(np.mean(found.details["per_seed"]))
