"""Features and class probabilities of the classifiers that are shipped with the package."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfgan_survey.errors import DataError, unknown_name
from tfgan_survey.metrics.classifier import FEATURE_DIM, build_classifier
from tfgan_survey.metrics.common import check_images, to_unit
from tfgan_survey.metrics.needs import CLASSIFIER_SHAPE as IMAGE_SHAPE

if TYPE_CHECKING:
    import keras

WEIGHTS = {
    "fashion_mnist": "1f922b056ba4131d2123422b60f153bf7a8df7031c35f18bfd003cf11e6bc467",
    "mnist": "bf92a0805b36946226969bac6df81a2589d47c265dbd967b046a26d3f2bd7a97",
}
"""Data sets with a shipped classifier, and the sha256 of `weights/<name>.npz`."""

NUM_CLASSES = 10
BATCH = 500


def weights_path(dataset: str) -> Path:
    """Return where the shipped weights of `dataset` lie.

    Args:
        dataset: name of the data set.

    Raises:
        UnknownNameError: no classifier is shipped for this data set.
    """
    if dataset not in WEIGHTS:
        raise unknown_name("feature classifier", dataset, WEIGHTS)
    return Path(__file__).with_name("weights") / f"{dataset}.npz"


def pack_weights(model: keras.Model, card: dict) -> bytes:
    """Return the weights of a classifier as the bytes of an `.npz`, kernels in half precision.

    Args:
        model: a trained `build_classifier`.
        card: what is worth knowing about it, JSON types; read back by `Features.card`.

    Returns:
        The file's bytes; the same weights and card give the same bytes.
    """
    arrays = {}
    for variable in model.weights:
        values = np.asarray(variable)
        arrays[variable.path] = values.astype(np.float16) if values.ndim > 1 else values
    arrays["card"] = np.frombuffer(json.dumps(card, sort_keys=True).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


class Features:
    """A shipped classifier as a function from images to features and probabilities.

    Why:
        Inception's features were learnt on photographs; a network trained on the very data
        set sees digits and clothes better, in a fraction of the time. Values are comparable
        only between measurements with the same file of weights, see `card`.

    Args:
        dataset: `"mnist"` or `"fashion_mnist"`.

    Raises:
        UnknownNameError: no classifier is shipped for this data set.
        DataError: the file of weights is missing or altered.

    Example:
        >>> features = Features("mnist")
        >>> features(np.zeros((2, 28, 28, 1), np.uint8)).shape
        (2, 64)
    """

    def __init__(self, dataset: str = "mnist"):
        import keras
        import tensorflow as tf

        path = weights_path(dataset)
        if not path.is_file():
            raise DataError(f"{path} is missing; install the package again.")
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if digest != WEIGHTS[dataset]:
            raise DataError(
                f"{path} has sha256 {digest}, expected {WEIGHTS[dataset]}; install the package "
                "again, or run tools/train_features.py and enter the digest it prints."
            )
        self.dataset = dataset
        self.sha256 = digest
        classifier = build_classifier(IMAGE_SHAPE, NUM_CLASSES)
        with np.load(io.BytesIO(content)) as arrays:
            for variable in classifier.weights:
                variable.assign(arrays[variable.path].astype(np.float32))
            self.card = json.loads(arrays["card"].tobytes())
        both = keras.Model(
            classifier.inputs, [classifier.get_layer("features").output, *classifier.outputs]
        )

        @tf.function(input_signature=[tf.TensorSpec((None, *IMAGE_SHAPE), tf.float32)])
        def forward(images):
            features, logits = both(images, training=False)
            return features, tf.nn.softmax(logits)

        self._forward = forward

    def both(
        self, images: np.ndarray, progress: Callable[[int], None] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return features float32 `(n, 64)` and probabilities float32 `(n, 10)` in one pass.

        Args:
            images: uint8 0..255 or floats in [0, 1], shape `(n, 28, 28, 1)`.
            progress: called with the number of images done.

        Raises:
            ValueError: another shape, dtype or range, NaN or infinite values.
        """
        images = check_images(images, "images", IMAGE_SHAPE)
        features = np.empty((len(images), FEATURE_DIM), np.float32)
        probabilities = np.empty((len(images), NUM_CLASSES), np.float32)
        for i in range(0, len(images), BATCH):
            part = self._forward(to_unit(images[i : i + BATCH]))
            features[i : i + BATCH], probabilities[i : i + BATCH] = part[0], part[1]
            if progress is not None:
                progress(min(i + BATCH, len(images)))
        return features, probabilities

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return features float32 `(n, 64)`: mean 0 and variance 1 on the training data."""
        return self.both(images)[0]

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return class probabilities float32 `(n, 10)`, rows sum to 1.

        Args:
            images: see `both`.
        """
        return self.both(images)[1]

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the most probable class of each image, int32 `(n,)`.

        Args:
            images: see `both`.
        """
        return self.probabilities(images).argmax(axis=1).astype(np.int32)
