"""Principal components as a model: the linear baseline of every autoencoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from tfgan_survey.models.coding import Coding
from tfgan_survey.models.inputs import ImageInputs
from tfgan_survey.models.trainable import TrainableModel
from tfgan_survey.networks.codec import Codec, linear
from tfgan_survey.registry import Axis, Registry


@keras.saving.register_keras_serializable("tfgan_survey")
class PCA(ImageInputs, Coding, TrainableModel):
    """The projection on the directions of most variance, by scikit-learn.

    Formula:
        z = G'(x - mean),  x~ = mean + G z,  G'G = I, G the leading eigenvectors of the covariance

    Why:
        The least squared error that a linear code of this length can have. It is fitted in one go
        when its training begins (`adapt`); the steps move nothing and measure the error, so that a
        run of it is resumed, reported and exported as any other.

    Args:
        codec: a linear encoder and decoder, into which the components are written.
        seed: of scikit-learn's solver.
        **kwargs: as in `keras.Model`.

    Raises:
        ValueError: networks for a condition.

    Source:
        Lecture, section "PCA", Eq. 11; scikit-learn's `PCA`.
    """

    family = "pca"
    axes: ClassVar[Mapping[str, Axis]] = {
        "codec": Axis(Registry("codec", {"linear": linear}), "codec", "network", "linear")
    }
    optimizer_names = ()
    log_names = ("loss",)
    abilities = frozenset({"encode", "reconstruct"})
    ema = None

    def __init__(self, codec: Codec, *, seed: int = 0, **kwargs):
        super().__init__(**kwargs)
        if codec.conditional:
            raise ValueError("Components see no condition: choose conditional=false.")
        self.seed = seed
        self._take(codec, None)
        self._begin(seed)

    def adapt(self, images) -> None:
        """Fit the components.

        Args:
            images: uint8 training images `(n, *image_shape)`.

        Raises:
            ValueError: fewer images, or fewer pixels, than components.
        """
        from sklearn.decomposition import PCA as Fitted

        pixels = images.reshape(len(images), -1).astype(np.float32) / 255.0
        if self.spec.latent_dim > min(pixels.shape):
            raise ValueError(
                f"latent_dim={self.spec.latent_dim}: {len(pixels)} images of {pixels.shape[1]} "
                f"pixels have {min(pixels.shape)} components at most."
            )
        found = Fitted(self.spec.latent_dim, random_state=self.seed).fit(pixels)
        (encoder,) = [one for one in self.encoder.layers if isinstance(one, keras.layers.Dense)]
        (decoder,) = [one for one in self.decoder.layers if isinstance(one, keras.layers.Dense)]
        encoder.set_weights([found.components_.T, -found.components_ @ found.mean_])
        decoder.set_weights([found.components_, found.mean_])

    def moves(self) -> dict[str, list[keras.Variable]]:
        """Return nothing: there is no optimizer."""
        return {}

    def update(self, data) -> dict[str, Any]:
        """Measure a batch.

        Args:
            data: images, or `(images, labels)`.

        Returns:
            `loss`, the summed squared error of an image.
        """
        return self.losses(data)

    def losses(self, data) -> dict[str, Any]:
        """Return the summed squared error of an image, mean over the batch.

        Args:
            data: images, or `(images, labels)`.
        """
        images, labels = self.unpack(data)
        outputs = self.codec.decode(self.codec.encode(images, labels), labels)
        axes = list(range(1, len(images.shape)))
        return {"loss": tf.reduce_mean(tf.reduce_sum(tf.square(outputs - images), axis=axes))}

    def code_of(self, images, labels=None) -> tf.Tensor:
        """Return the coordinates along the components.

        Args:
            images: see `Coding`.
            labels: see `Coding`.
        """
        return self.codec.encode(images, labels)

    def images_of(self, codes, labels=None) -> tf.Tensor:
        """Return the images of coordinates, cut to [0, 1].

        Args:
            codes: see `Coding`.
            labels: see `Coding`.
        """
        return self.spec.to_unit(self.codec.decode(codes, labels))

    def signatures(self) -> dict[str, tuple[Any, list[tf.TensorSpec]]]:
        """Return the signatures of coding."""
        coding = self.coding_signatures()
        return {"serving_default": coding["reconstruct"], **coding}
