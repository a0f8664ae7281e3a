"""A GAN told a degraded picture, and held to the image that it was made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from tfgan_survey.errors import SettingError
from tfgan_survey.layers.degradation import DEGRADATIONS, Degradation
from tfgan_survey.layers.sampling import latent_quantile
from tfgan_survey.models.gan import GAN
from tfgan_survey.models.translating import Translates
from tfgan_survey.networks.pair import NetworkPair
from tfgan_survey.networks.specs import Spec
from tfgan_survey.networks.unet import PICTURE_PAIRS
from tfgan_survey.objectives.base import Objective
from tfgan_survey.registry import Axis, Count, Inside, NotNegative, Share
from tfgan_survey.regularizers.base import Regularizer


@keras.saving.register_keras_serializable("tfgan_survey")
class Pix2Pix(GAN, Translates):
    """A conditional GAN whose condition is a degraded image, with a term for the pair.

    Formula:
        c = degradation(x);  g_loss = L_G(D(G(z, c), c)) + l1_weight mean |G(z, c) - x|,
        d_loss = L_D(D(x, c), D(G(z, c), c));  pixels of x and G(z, c) in [-1, 1]

    Why:
        Pairs are made in the step of any set of images, so the loop is `GAN`'s: labels are the
        pictures. The term alone would answer with the mean of all images that fit; the
        discriminator asks for one of them.

    Args:
        pair: the two networks, built with a condition `Picture`.
        objective: as in `GAN`.
        regularizer: as in `GAN`.
        degradation: what an image loses.
        l1_weight: of the term for the pair; 100 as published.
        n_critic: as in `GAN`; so are `fresh_latents`, `ema`, `truncation` and `seed`.
        fresh_latents: see `n_critic`.
        ema: see `n_critic`.
        truncation: see `n_critic`.
        seed: see `n_critic`.
        **kwargs: as in `GAN`.

    Raises:
        SettingError: a pair without pictures, or images that the degradation cannot be done to.

    Example:
        >>> gan = build("inpainting", (28, 28, 1))
        >>> holed = gan.degrade(load_arrays("mnist", "test[:8]").images)
        >>> gan.generate(8, holed, seed=0).shape
        (8, 28, 28, 1)

    Source:
        Isola et al. 2017, arXiv:1611.07004, Eq. 1, 3 and 4.
    """

    family = "pix2pix"
    axes: ClassVar[Mapping[str, Axis]] = {
        **GAN.axes,
        "network": Axis(PICTURE_PAIRS, "pair", "network", default="unet"),
        "degradation": Axis(DEGRADATIONS, "degradation", default="central_mask"),
    }
    abilities = frozenset({*GAN.abilities, "translate"})
    directions = ("a2b",)

    def __init__(
        self,
        pair: NetworkPair,
        objective: Objective,
        regularizer: Regularizer | None = None,
        degradation: Degradation | None = None,
        *,
        l1_weight: NotNegative = 100.0,
        n_critic: Count = 1,
        fresh_latents: bool = False,
        ema: Inside | None = None,
        truncation: Share = 1.0,
        seed: int = 0,
        **kwargs,
    ):
        self._check_pair(pair)
        super().__init__(
            pair, objective, regularizer, n_critic=n_critic, fresh_latents=fresh_latents, ema=ema,
            truncation=truncation, seed=seed, **kwargs,
        )  # fmt: skip
        self.degradation = degradation or DEGRADATIONS["central_mask"]()
        self.l1_weight = l1_weight
        self.degradation(tf.zeros((1, *pair.image_shape)))  # refused now, not in the first step

    @staticmethod
    def _check_pair(pair: NetworkPair) -> None:
        if not pair.conditional or pair.condition.row_shape != pair.image_shape:
            raise SettingError(
                f"Pix2Pix needs networks that are told pictures of {pair.image_shape}; these are "
                f"told {pair.condition}. Build them by networks.unet."
            )

    @classmethod
    def assemble(cls, pair: NetworkPair, **parts) -> Pix2Pix:
        """Build the model from the parts that settings chose.

        Args:
            pair: the networks.
            **parts: the constructor's other arguments.
        """
        return cls(pair, **parts)

    # ------------------------------------------------------------------ pairs

    def degrade(self, images: np.ndarray) -> np.ndarray:
        """Return what the model is told of images.

        Args:
            images: uint8, or floats in [0, 1], `(n, *image_shape)`.

        Returns:
            float32 in [0, 1] of the same shape.

        Raises:
            ValueError: images of another shape, type or range.
        """
        images = tf.constant(self.check_images(images))
        return self.degradation(self.spec.to_unit(self.spec.to_network(images))).numpy()

    def rows_of(self, images, labels) -> np.ndarray:
        """Return the degraded examples.

        Args:
            images: examples as the data set keeps them.
            labels: not looked at.
        """
        return self.degrade(images)

    def unpack(self, data):
        """Return a batch of images, and their degraded form.

        Args:
            data: images, or `(images, labels)`, of which the labels are left out.
        """
        images, _, weight = keras.utils.unpack_x_y_sample_weight(data)
        if weight is not None:
            raise ValueError("Sample or class weights came; this model has no use for them.")
        scaled = self.scaled_images(images)
        return scaled, self.degradation(self.spec.to_unit(scaled))

    def generator_loss(self, fake, labels, real, scores=None) -> tf.Tensor:
        """Return the adversarial loss and the term for the pair.

        Args:
            fake: see `GAN`; so are the others.
            labels: see `fake`.
            real: see `fake`.
            scores: see `fake`.
        """
        adversarial = super().generator_loss(fake, labels, real, scores)
        return adversarial + self.l1_weight * tf.reduce_mean(tf.abs(fake - real))

    # ------------------------------------------------------------------ completions

    def source(self, direction: str) -> Spec:
        """Return what pictures are: images of the same shape and range.

        Args:
            direction: `a2b`.
        """
        self.check_direction(direction)
        return self.spec

    target = source

    def run_translator(self, direction: str, images, training: bool = False) -> tf.Tensor:
        """Return the image for pictures and the middle of the latents; `generate` gives others.

        Args:
            direction: `a2b`.
            images: pictures, float32 in the networks' range.
            training: whether the generator runs in training mode.
        """
        shape = (tf.shape(images)[0], self.spec.latent_dim)
        middle = tf.fill(shape, tf.cast(latent_quantile(self.spec.latent, 0.5), "float32"))
        return self.run_generator(middle, self.spec.to_unit(images), training)

    def signatures(self) -> dict[str, Any]:
        """Return the signatures of sampling, `score`, and those of translation from pictures."""
        return {**Translates.signatures(self), **GAN.signatures(self)}

    def export_facts(self) -> dict[str, Any]:
        """Return shapes, latent, condition and directions."""
        return {**GAN.export_facts(self), "directions": list(self.directions)}
