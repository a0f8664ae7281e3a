"""The network axis: a generator and a discriminator with what they agree on."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfgan_survey.layers.sampling import check_latent
from tfgan_survey.settings import check_whole


@keras.saving.register_keras_serializable("tfgan_survey")
class NetworkPair:
    """Two Keras models, their shapes, and the pixel range in which they work.

    Why:      everything that knows about pixels' scale or labels' shape asks the pair, so a loop,
              a loss or an export needs no case for a certain network.

    Args:
        generator: maps `latent` `(batch, latent_dim)` (and `labels` int32 `(batch,)` where
            conditional) to images `(batch, *image_shape)` in `output_range`.
        discriminator: maps images (and labels) to linear `scores`, `(batch, 1)` or a patch map
            `(batch, h, w, 1)`; a sigmoid belongs to the objective.
        image_shape: `(height, width, channels)`, or `(features,)` for points.
        latent_dim: width of the latent.
        num_classes: number of classes; None is the unconditional case.
        output_range: `(low, high)` of the generator's output and the discriminator's input; None
            for points, which every side sees in the data's own units.
        latent: distribution of the latent, one of `tfgan_survey.layers.sampling.LATENTS`.

    Raises:
        ValueError: shapes disagree, or the two networks share a variable.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        image_shape: tuple[int, ...],
        latent_dim: int,
        num_classes: int | None = None,
        output_range: tuple[float, float] | None = (0.0, 1.0),
        latent: str = "uniform",
    ):
        self.generator = generator
        self.discriminator = discriminator
        self.image_shape = tuple(int(size) for size in image_shape)
        self.latent_dim = check_whole("latent_dim", latent_dim)
        self.num_classes = None if num_classes is None else check_whole("num_classes", num_classes)
        self.output_range = None if output_range is None else tuple(map(float, output_range))
        self.latent = check_latent(latent)
        self._validate()

    @property
    def conditional(self) -> bool:
        """Whether the networks take labels."""
        return self.num_classes is not None

    @property
    def takes_points(self) -> bool:
        """Whether examples are points, which have units of their own, and no pictures."""
        return self.output_range is None or len(self.image_shape) == 1

    def to_network(self, images: tf.Tensor) -> tf.Tensor:
        """Scale images as data have them to `output_range`, float32; leave points as they are.

        Args:
            images: uint8 0..255, or floats in [0, 1], which give the same. Floats of one axis,
                `(batch, features)`, are points and in the networks' own units.

        Returns:
            float32 tensor of the same shape, in `output_range`.

        Raises:
            ValueError: another dtype, of which nobody knows what its white is; or uint8 for
                networks that work on points.
        """
        if self.output_range is None and images.dtype == tf.uint8:
            raise ValueError("These networks work on points, float32; uint8 images came.")
        if self.takes_points and images.dtype != tf.uint8:
            return tf.cast(images, tf.float32)
        if images.dtype == tf.uint8:
            low, high = self.output_range
            return tf.cast(images, tf.float32) * ((high - low) / 255.0) + low
        if not images.dtype.is_floating:
            raise ValueError(
                f"{images.dtype.name} images came; expected uint8 0..255 or floats in [0, 1]. "
                "Cast pixels 0..255 to uint8, and pixels that are 0 or 1 to float32."
            )
        return self.from_unit(tf.cast(images, tf.float32))

    def from_unit(self, images: tf.Tensor) -> tf.Tensor:
        """Scale [0, 1] to `output_range`; leave points as they are."""
        if self.output_range is None:
            return images
        low, high = self.output_range
        return images * (high - low) + low

    def to_unit(self, images: tf.Tensor) -> tf.Tensor:
        """Scale `output_range` to [0, 1], float32; leave points as they are."""
        if self.output_range is None:
            return tf.cast(images, tf.float32)
        low, high = self.output_range
        return tf.clip_by_value((tf.cast(images, tf.float32) - low) / (high - low), 0.0, 1.0)

    def generate(self, latents: tf.Tensor, labels=None, training: bool = False, network=None):
        """Run the generator (or `network` in its place) with or without labels."""
        inputs = latents if labels is None else [latents, labels]
        return (self.generator if network is None else network)(inputs, training=training)

    def score(self, images: tf.Tensor, labels=None, training: bool = False) -> tf.Tensor:
        """Run the discriminator with or without labels; float32 scores."""
        inputs = images if labels is None else [images, labels]
        return tf.cast(self.discriminator(inputs, training=training), tf.float32)

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs, the networks' own configurations included."""
        return {
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "image_shape": list(self.image_shape),
            "latent_dim": self.latent_dim,
            "num_classes": self.num_classes,
            "output_range": None if self.output_range is None else list(self.output_range),
            "latent": self.latent,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> NetworkPair:
        """Build the pair from what `get_config` returned."""
        networks = {
            role: keras.saving.deserialize_keras_object(config[role])
            for role in ("generator", "discriminator")
        }
        return cls(**{**config, **networks})

    def _validate(self) -> None:
        if self.output_range is not None and not self.output_range[0] < self.output_range[1]:
            raise ValueError(f"output_range {self.output_range}: low must be below high.")
        inputs = 2 if self.conditional else 1
        for role, network in (("generator", self.generator), ("discriminator", self.discriminator)):
            if len(network.inputs) != inputs:
                raise ValueError(
                    f"The {role} has {len(network.inputs)} input(s), but with num_classes="
                    f"{self.num_classes} it needs {inputs}; pass num_classes to its builder."
                )
        if (made := self.generator.output_shape[1:]) != self.image_shape:
            raise ValueError(f"The generator makes {made}, image_shape is {self.image_shape}.")
        if self.discriminator.output_shape[-1] != 1:
            raise ValueError(
                f"The discriminator ends in {self.discriminator.output_shape}; scores need a last "
                "axis of 1, linear."
            )
        shared = {id(v) for v in self.generator.variables} & {
            id(v) for v in self.discriminator.variables
        }
        if shared:
            raise ValueError("Generator and discriminator share variables; build them apart.")
