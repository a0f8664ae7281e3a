"""Classification: from images to classes, perhaps by an autoencoder's layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from tfgan_survey.errors import SettingError
from tfgan_survey.models.averaging import average_of, check_ema, follow
from tfgan_survey.models.coding import Coding
from tfgan_survey.models.inputs import ImageInputs
from tfgan_survey.models.optimizers import OPTIMIZERS
from tfgan_survey.models.trainable import TrainableModel
from tfgan_survey.networks.classifier import CLASSIFIERS, ClassScores, dense_layers
from tfgan_survey.registry import Axis, Inside


@keras.saving.register_keras_serializable("tfgan_survey")
class Classifier(ImageInputs, TrainableModel):
    """A network from images to the probabilities of classes.

    Formula:
        p(k | x) = softmax(network(x))_k,  loss = mean_i -log p(y_i | x_i)

    Why:
        The other end of greedy layer-wise pretraining: `start_from` takes over the layers that an
        autoencoder learned without labels, and training with labels tunes them finely.

    Args:
        network: the network, and what it is built for.
        ema: decay of a moving average of the weights, which then classifies; None for no average.
        seed: the model's one seed.
        **kwargs: as in `keras.Model`.

    Raises:
        SettingError: an `ema` that is no decay.

    Source:
        Bengio et al. 2007, "Greedy Layer-Wise Training of Deep Networks"; Vincent et al. 2010, JMLR
        11, section 4.
    """

    family = "classifier"
    axes: ClassVar[Mapping[str, Axis]] = {
        "network": Axis(CLASSIFIERS, "network", "network", default="mlp"),
        "optimizer": Axis(OPTIMIZERS, "optimizer", "optimizer"),
    }
    log_names = ("loss", "error")
    guarded_names = ("loss",)
    abilities = frozenset({"classify"})

    def __init__(self, network: ClassScores, *, ema: Inside | None = None, seed: int = 0, **kwargs):
        super().__init__(**kwargs)
        check_ema(ema)
        self.network, self.ema, self.seed = network, ema, seed
        self.classifier = network.network
        self.ema_classifier = None if ema is None else average_of(self.classifier)
        self._begin(seed)

    @property
    def spec(self) -> ClassScores:
        """Shape of the images, and the labels' classes as the condition."""
        return self.network

    def moves(self) -> dict[str, list[keras.Variable]]:
        """Return all weights."""
        return {"optimizer": self.classifier.trainable_variables}

    def start_from(self, other: TrainableModel) -> None:
        """Take over the dense layers of an autoencoder's encoder as the first hidden layers.

        Why:
            Where the encoder has more layers than this network has hidden ones, its last ones, such
            as the code's, are left out; where it has fewer, the later hidden layers keep their own
            start.

        Args:
            other: a model with an encoder of dense layers; its averaged weights where it has them.

        Raises:
            SettingError: it has no such encoder, or layers of another shape or activation.
        """
        if not isinstance(other, Coding):
            raise SettingError(
                f"start_from: {other.name} has no encoder; expected an autoencoder with codec=mlp."
            )
        found = dense_layers(other.coder(training=False).encoder)
        hidden = dense_layers(self.classifier)[:-1]
        for place, (layer, source) in enumerate(zip(hidden, found, strict=False), 1):
            # The encoder's last layer is linear: what its outputs become, the code says.
            same = layer.activation == source.activation or source is found[-1]
            if layer.kernel.shape != source.kernel.shape or not same:
                raise SettingError(
                    f"start_from: layer {place} of {other.name}'s encoder is {_described(source)}, "
                    f"here it is {_described(layer)}; set widths and activation as there."
                )
        for layer, source in zip(hidden, found, strict=False):
            layer.set_weights(source.get_weights())
        if self.ema_classifier is not None:
            self.ema_classifier.set_weights(self.classifier.get_weights())

    # ------------------------------------------------------------------ one step

    def update(self, data) -> dict[str, Any]:
        """Move the network down the loss.

        Args:
            data: `(images, labels)`.

        Returns:
            `loss`, and `error`, the share of the batch that is classified wrongly, with dropout.
        """
        images, labels = self.unpack(data)
        logs = self.descend(
            "optimizer", self.moves()["optimizer"], lambda: self._logs(images, labels, True)
        )
        if self.ema_classifier is not None:
            follow(self.ema_classifier, self.classifier, self.ema, self._clock)
        return logs

    def losses(self, data) -> dict[str, Any]:
        """Return the same on held-out data, of the average where there is one.

        Args:
            data: `(images, labels)`.
        """
        return self._logs(*self.unpack(data), training=False)

    def _logs(self, images, labels, training: bool) -> dict[str, tf.Tensor]:
        scores = self.scores_of(images, training)
        # Not by the sparse form, which refuses a wrong label before its fault can be told.
        truth = tf.one_hot(labels, self.spec.num_classes)
        each = tf.nn.softmax_cross_entropy_with_logits(truth, scores)
        wrong = tf.argmax(scores, axis=-1, output_type=labels.dtype) != labels
        return {"loss": tf.reduce_mean(each), "error": tf.reduce_mean(tf.cast(wrong, "float32"))}

    def scores_of(self, images, training: bool = False) -> tf.Tensor:
        """Return the linear outputs, float32 `(batch, num_classes)`.

        Args:
            images: float32 in the network's range.
            training: whether of the network that trains, with dropout; else of that by which images
                are classified.
        """
        network = self.classifier if training else self._classifying
        return tf.cast(network(images, training=training), tf.float32)

    @property
    def _classifying(self) -> keras.Model:
        return self.classifier if self.ema_classifier is None else self.ema_classifier

    # ------------------------------------------------------------------ classes, exports

    def call(self, inputs, training: bool = False):
        """Map images to the probabilities of classes.

        Args:
            inputs: images as `fit` takes them.
            training: whether with dropout.

        Returns:
            float32 `(batch, num_classes)`, each row summing to 1.
        """
        return tf.nn.softmax(self.scores_of(self.spec.to_network(inputs), training))

    def predict_step(self, data) -> tf.Tensor:
        """Return the probabilities of one batch of images; see `predict`.

        Args:
            data: images, or `(images, labels)`, of which the labels are left out.
        """
        return self(keras.utils.unpack_x_y_sample_weight(data)[0])

    # Traced at the first call of `classify`.
    _traced: Callable | None = None

    def classify(self, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
        """Return the probabilities of the classes.

        Args:
            images: uint8, or floats in [0, 1], `(n, *image_shape)`.
            batch_size: images at a time.

        Returns:
            float32 `(n, num_classes)`, each row summing to 1.

        Raises:
            ValueError: images of another shape or type.
        """
        images = np.asarray(images)
        shape = self.spec.image_shape
        if images.shape[1:] != shape or len(images) == 0:
            raise ValueError(f"classify takes (n, {', '.join(map(str, shape))}); {images.shape} "
                             "came.")  # fmt: skip
        if self._traced is None:
            self._traced = tf.function(self.call, reduce_retracing=True)
        parts = [
            self._traced(tf.constant(images[start : start + batch_size])).numpy()
            for start in range(0, len(images), batch_size)
        ]
        return np.concatenate(parts)

    def signatures(self) -> dict[str, tuple[Callable, list[tf.TensorSpec]]]:
        """Return `classify`, from images in [0, 1] to `scores` and `probabilities`."""
        images = tf.TensorSpec((None, *self.spec.image_shape), tf.float32, "images")

        def classify(images):
            scores = self.scores_of(self.spec.from_unit(images))
            return {"scores": scores, "probabilities": tf.nn.softmax(scores)}

        return {name: (classify, [images]) for name in ("serving_default", "classify")}

    def exported_networks(self) -> list[keras.Model]:
        """Return the network by which images are classified."""
        return [self._classifying]

    def export_facts(self) -> dict[str, Any]:
        """Return shape of an image and number of classes."""
        return self.spec.facts()


def _described(layer: keras.layers.Dense) -> str:
    inputs, units = layer.kernel.shape
    return f"{inputs}-{units} {keras.activations.serialize(layer.activation)}"
