"""Samples and runs against the shipped subset: values, references, refusals."""

import numpy as np
import pytest

from tfgan_survey.data import load_arrays, ring
from tfgan_survey.errors import DataError, SettingError, UnknownNameError
from tfgan_survey.evaluation import evaluate_samples, read_samples
from tfgan_survey.metrics import (
    Features,
    Given,
    classifier_score,
    default_metrics,
    frechet_distance,
    kernel_distance,
    precision_recall,
)
from tfgan_survey.metrics.choice import left_out


@pytest.fixture(scope="module")
def test_set():
    return load_arrays("mnist_mini", "test")


@pytest.fixture(scope="module")
def train_set():
    return load_arrays("mnist_mini", "train")


@pytest.fixture(scope="module")
def measured(test_set, train_set):
    """The default metrics of 1,000 real training images that pass for samples."""
    found = evaluate_samples(
        train_set.images,
        train_set.labels,
        "mnist_mini",
        num=1000,
        untrained=np.full((1000, 28, 28, 1), 0.5),
    )
    return {one.name: one for one in found}


def references(measurement):
    return {one.name: one for one in measurement.reference}


def test_values_are_those_of_the_functions(measured, test_set, train_set):
    features = Features("mnist")
    fake, probabilities = features.both(train_set.images[:1000])
    real = features(test_set.images)
    assert measured["frechet_distance"].value == pytest.approx(frechet_distance(fake, real))
    assert measured["kernel_distance"].value == kernel_distance(fake, real).value
    assert measured["classifier_score"].value == classifier_score(probabilities).value
    manifold = precision_recall(real[:1000], fake)
    assert measured["precision"].value == manifold.precision.value
    assert measured["recall"].value == manifold.recall.value


def test_every_value_has_its_protocol_and_its_real_reference(measured):
    assert set(measured) == {
        "frechet_distance", "kernel_distance", "classifier_score", "precision", "recall",
        "density", "coverage", "sliced_wasserstein", "gan_test", "class_diversity",
        "worst_class_diversity",
    }  # fmt: skip
    for name, one in measured.items():
        assert one.num == 1000 and one.protocol, name
        assert "real images" in references(one), name


def test_real_samples_score_like_the_real_reference(measured):
    for name in ("classifier_score", "precision", "recall", "density", "coverage", "gan_test"):
        one, real = measured[name], references(measured[name])["real images"]
        error = np.hypot(one.standard_error, real.standard_error)
        assert abs(one.value - real.value) < 5 * error, name
    frechet = measured["frechet_distance"]
    assert frechet.value == pytest.approx(references(frechet)["real images"].value, 0.5)


def test_a_grey_generator_is_told_from_real_images(measured):
    blank = {name: references(one).get("untrained generator") for name, one in measured.items()}
    assert blank["frechet_distance"].value > 100 * measured["frechet_distance"].value
    assert blank["classifier_score"].value == pytest.approx(1.0, abs=1e-4)
    assert blank["coverage"].value == pytest.approx(0.0, abs=0.01)


def test_the_real_reference_does_not_depend_on_the_samples(measured):
    noise = np.random.default_rng(0).random((1000, 28, 28, 1))
    names = ["frechet_distance", "kernel_distance", "classifier_score", "precision_recall"]
    for one in evaluate_samples(noise, None, "mnist_mini", names):
        real = references(one)["real images"]
        assert real.value == references(measured[one.name])["real images"].value, one.name
        assert one.value != pytest.approx(measured[one.name].value, rel=0.5), one.name


def test_near_copies_of_memorised_and_of_held_out_images(train_set):
    copies = evaluate_samples(
        train_set.images, None, "mnist_mini", ["nearest_neighbours"], num=300
    )[0]
    assert copies.value == 1.0
    held_out = load_arrays("mnist_mini", "test").images[::-1][:500]
    fresh = evaluate_samples(held_out, None, "mnist_mini", ["nearest_neighbours"])[0]
    assert fresh.value == pytest.approx(0.01, abs=0.015)


def test_points_of_a_mixture():
    found = {one.name: one for one in evaluate_samples(ring().sample(2500), None, "ring")}
    assert found["modes"].value == 8
    assert found["high_quality"].value == pytest.approx(0.989, abs=0.01)
    assert found["reverse_kl"].value == pytest.approx(7 / 5000, abs=0.002)
    with pytest.raises(SettingError, match="only"):
        evaluate_samples(ring().sample(10), None, "ring", ["gan_test"])


def test_progress_names_each_metric_and_what_it_is_doing(train_set):
    told = []
    names = ["classifier_score", "kernel_distance"]
    evaluate_samples(
        train_set.images[:600],
        None,
        "mnist_mini",
        names,
        progress=lambda name, done: told.append((name, done)),
    )
    shares = [done for _, done in told]
    assert shares == sorted(shares) and shares[0] >= 0 and shares[-1] < 1
    steps = list(dict.fromkeys(name for name, _ in told))
    assert steps == [
        "classifier_score",
        "classifier_score: features of 600 samples",
        "classifier_score: features of 10,000 training images",
        "kernel_distance",
        "kernel_distance: features of 2,000 test images",
    ]
    # Of 12,600 images 10,600 are looked through for the first of two metrics.
    (at,) = (done for name, done in told if name == "kernel_distance")
    assert at == 0.5
    before = [done for name, done in told if "training" in name]
    assert before[0] == pytest.approx(0.9 * 600 / 12600 / 2) and len(before) == 21
    assert before[-1] == pytest.approx(0.9 * 10600 / 12600 / 2)


def test_labels_and_data_decide_the_defaults(train_set):
    def given(dataset="mnist", shape=(28, 28, 1), labelled=False):
        return Given(dataset, shape, labelled, 60_000)

    by_features = ["frechet_distance", "kernel_distance", "classifier_score", "precision_recall",
                   "density_coverage"]  # fmt: skip
    assert default_metrics(given()) == [*by_features, "sliced_wasserstein"]
    assert default_metrics(given(labelled=True))[6:] == ["gan_test", "class_diversity"]
    for other in (given("cifar10", (32, 32, 3), True), given("mnist", (32, 32, 1), True),
                  given("emnist/letters", (28, 28, 1), True)):  # fmt: skip
        assert default_metrics(other) == ["sliced_wasserstein", "class_diversity"]
        assert list(left_out(other)) == [*by_features, "gan_test"]
    assert default_metrics(given("ring", (2,))) == ["mode_coverage"]
    assert left_out(given("ring", (2,))) == {}
    assert list(left_out(given())) == ["gan_test", "class_diversity"]
    for name in ("gan_test", "gan_train", "class_diversity"):
        with pytest.raises(SettingError, match=f"{name} needs the labels"):
            evaluate_samples(train_set.images[:50], None, "mnist_mini", [name])


@pytest.mark.parametrize(
    ("metrics", "error", "message"),
    [
        (["frechet_distnce"], UnknownNameError, "did you mean frechet_distance"),
        ([], SettingError, "no metric"),
        (["gan_test", "gan_test"], SettingError, "twice"),
        (["parzen_log_likelihood"], SettingError, "has 10000 training images"),
    ],
)
def test_wrong_metrics_are_refused(metrics, error, message, train_set):
    with pytest.raises(error, match=message):
        evaluate_samples(train_set.images[:200], None, "mnist_mini", metrics)


def test_wrong_samples_are_refused(train_set):
    images = train_set.images[:200]
    with pytest.raises(SettingError, match="num=500: there are 200"):
        evaluate_samples(images, None, "mnist_mini", num=500)
    with pytest.raises(ValueError, match="NaN"):
        evaluate_samples(images * np.nan, None, "mnist_mini")
    with pytest.raises(ValueError, match=r"needs \(28, 28, 1\)"):
        evaluate_samples(images[:, :20], None, "mnist_mini")
    with pytest.raises(ValueError, match="expected 0 to 9"):
        evaluate_samples(images, np.full(200, 10), "mnist_mini")


def test_files_are_read_or_refused(tmp_path):
    images, labels = np.zeros((3, 28, 28, 1), np.uint8), np.arange(3)
    np.savez(tmp_path / "both.npz", images=images, labels=labels)
    read = read_samples(tmp_path / "both.npz")
    assert (read[0] == images).all() and (read[1] == labels).all()
    np.savez(tmp_path / "images.npz", images=images)
    assert read_samples(tmp_path / "images.npz")[1] is None

    np.savez(tmp_path / "other.npz", samples=images)
    np.savez(tmp_path / "objects.npz", images=np.array([{}], object))
    (tmp_path / "text.npz").write_text("no arrays")
    np.save(tmp_path / "single.npy", images)
    for name, message in {
        "other.npz": "holds samples; expected",
        "objects.npz": "cannot be read",
        "text.npz": "cannot be read",
        "single.npy": "single array",
        "none.npz": "does not exist",
    }.items():
        with pytest.raises(DataError, match=message):
            read_samples(tmp_path / name)
