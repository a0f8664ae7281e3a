"""The shipped classifiers: what they claim, and how they refuse."""

import hashlib

import numpy as np
import pytest

from tfgan_survey.errors import DataError, UnknownNameError
from tfgan_survey.metrics import features as module
from tfgan_survey.metrics.classifier import build_classifier, shifted, train_classifier
from tfgan_survey.metrics.features import Features, pack_weights, weights_path


@pytest.mark.parametrize("dataset", sorted(module.WEIGHTS))
def test_shipped_file_is_the_recorded_one_and_small(dataset):
    content = weights_path(dataset).read_bytes()
    assert hashlib.sha256(content).hexdigest() == module.WEIGHTS[dataset]
    assert len(content) < 1_500_000


def test_accuracy_on_real_test_images(digits, mnist_features):
    images, labels = digits["test"]
    # All 10,000 test images give 99.47 %; these are the first 2,000 of them.
    assert np.mean(mnist_features.predict(images) == labels) == pytest.approx(0.9935, abs=0.0011)
    assert mnist_features.card["test_accuracy"] == pytest.approx(0.9947, abs=1e-6)


def test_fashion_card_states_its_accuracy_and_the_file_loads():
    clothes = Features("fashion_mnist")
    assert clothes.card["test_accuracy"] == pytest.approx(0.9241, abs=1e-6)
    probabilities = clothes.probabilities(np.zeros((3, 28, 28, 1), np.uint8))
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)


def test_features_are_standardised_on_training_images(digits, mnist_features):
    features = mnist_features(digits["train"][0])
    assert features.shape == (10_000, 64) and features.dtype == np.float32
    assert np.abs(features.mean(axis=0)).max() < 0.15
    assert np.abs(features.std(axis=0) - 1).max() < 0.1


def test_bytes_and_floats_give_the_same_features(digits, mnist_features):
    images = digits["test"][0][:600]
    as_floats = mnist_features(images / 255.0)
    assert mnist_features(images) == pytest.approx(as_floats, abs=1e-5)
    one_by_one = np.concatenate([mnist_features(images[i : i + 1]) for i in (0, 599)])
    assert one_by_one == pytest.approx(as_floats[[0, 599]], abs=1e-4)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.full((2, 28, 28, 1), np.nan), "NaN or infinite values in 2 of 2 images"),
        (np.full((2, 28, 28, 1), -1.0), r"Map \[-1, 1\]"),
        (np.full((2, 28, 28, 1), 255.0), "0..255 by x / 255"),
        (np.zeros((2, 28, 28, 1), np.int64), "dtype int64"),
        (np.zeros((2, 28, 28)), "channel axis"),
        (np.zeros((2, 32, 32, 1)), r"needs \(28, 28, 1\)"),
        (np.zeros((0, 28, 28, 1)), "n >= 1"),
    ],
)
def test_bad_images_are_refused(images, message, mnist_features):
    with pytest.raises(ValueError, match=message):
        mnist_features(images)


def test_unknown_data_set_gets_the_nearest_name():
    with pytest.raises(UnknownNameError, match="did you mean fashion_mnist"):
        Features("fashion_mnits")


def test_altered_weights_are_refused(tmp_path, monkeypatch):
    content = bytearray(weights_path("mnist").read_bytes())
    content[1000] ^= 1
    (tmp_path / "mnist.npz").write_bytes(bytes(content))
    monkeypatch.setattr(module, "weights_path", lambda dataset: tmp_path / f"{dataset}.npz")
    with pytest.raises(DataError, match="sha256"):
        Features("mnist")
    with pytest.raises(DataError, match="missing"):
        Features("fashion_mnist")


def test_packing_is_deterministic():
    model = build_classifier(seed=3)
    assert pack_weights(model, {"a": 1}) == pack_weights(build_classifier(seed=3), {"a": 1})


def test_shifts_move_whole_pixels_and_bring_in_zeros():
    image = np.zeros((1, 9, 9, 1), np.uint8)
    image[0, 4, 4] = 200
    moved = shifted(np.repeat(image, 500, axis=0), 2, np.random.default_rng(0))
    _, rows, columns, _ = np.nonzero(moved)
    assert len(rows) == 500
    assert (set(rows), set(columns)) == ({2, 3, 4, 5, 6}, {2, 3, 4, 5, 6})
    assert (shifted(image, 0, np.random.default_rng(0)) == image).all()


def test_training_repeats_exactly_and_depends_on_the_seed(digits):
    images, labels = digits["train"][0][:256], digits["train"][1][:256]

    def weights(seed):
        model = train_classifier(images, labels, epochs=1, seed=seed)
        return np.asarray(model.get_layer("logits").kernel)

    first = weights(0)
    assert (weights(0) == first).all()
    assert np.abs(weights(1) - first).max() > 1e-3


def test_too_few_images_to_train_on_are_refused(digits):
    with pytest.raises(ValueError, match="do not fill one batch"):
        train_classifier(digits["train"][0][:100], digits["train"][1][:100])
    with pytest.raises(ValueError, match="too small"):
        build_classifier((4, 28, 1))
    with pytest.raises(ValueError, match="at least 2 classes"):
        build_classifier(num_classes=1)
