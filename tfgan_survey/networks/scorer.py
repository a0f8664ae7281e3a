"""A discriminator alone: the network, what it is built for, and a builder for models without G."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import tensorflow as tf

from tfgan_survey.conditions import Condition, as_condition
from tfgan_survey.layers.precision import at_least_float32
from tfgan_survey.networks.specs import Spec


@keras.saving.register_keras_serializable("tfgan_survey")
class Scorer(Spec):
    """A discriminator, and the spec that it is built for.

    Args:
        discriminator: maps images (and the condition's rows) to linear `scores`, `(batch, 1)` or a
            patch map `(batch, h, w, 1)`; a sigmoid belongs to the objective.
        image_shape: see `Spec`; so are `latent_dim`, `condition`, `output_range` and `latent`.
        latent_dim: see `Spec`; without a generator a latent is where an ascent starts, an image.
        num_classes: shorthand for the condition `Classes(num_classes)`.
        condition: see `Spec`.
        output_range: see `Spec`.
        latent: see `Spec`.

    Raises:
        ValueError: the network does not fit the spec.
    """

    # Networks of one spec are told apart.
    __eq__ = object.__eq__
    __hash__ = object.__hash__
    # The attributes that hold networks.
    roles: ClassVar[tuple[str, ...]] = ("discriminator",)

    def __init__(
        self,
        discriminator: keras.Model,
        *,
        image_shape: Sequence[int],
        latent_dim: int | None = None,
        num_classes: int | None = None,
        condition: Condition | int | None = None,
        output_range: tuple[float, float] | None = (0.0, 1.0),
        latent: str = "uniform",
    ):
        condition = as_condition(num_classes, condition)
        latent_dim = math.prod(image_shape) if latent_dim is None else latent_dim
        super().__init__(image_shape, condition, latent_dim, latent, output_range)
        self.discriminator = discriminator
        self._validate()

    def score(
        self,
        images: tf.Tensor,
        labels=None,
        training: bool = False,
        network: keras.Model | None = None,
    ) -> tf.Tensor:
        """Run the discriminator, or another network in its place; scores of float32 at least.

        Args:
            images: in `output_range`.
            labels: the condition's rows, or None.
            training: whether it runs in training mode.
            network: in the discriminator's place.
        """
        inputs = images if labels is None else [images, labels]
        network = self.discriminator if network is None else network
        return at_least_float32(network(inputs, training=training))

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs, the networks' own configurations included."""
        serialize = keras.saving.serialize_keras_object
        return {role: serialize(getattr(self, role)) for role in self.roles} | super().get_config()

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Scorer:
        """Build the object from what `get_config` returned."""
        networks = {role: keras.saving.deserialize_keras_object(config[role]) for role in cls.roles}
        return super().from_config({**config, **networks})

    def _validate(self) -> None:
        inputs = 2 if self.conditional else 1
        for role in self.roles:
            network = getattr(self, role)
            if len(network.inputs) != inputs:
                raise ValueError(
                    f"The {role} has {len(network.inputs)} input(s), but with condition="
                    f"{self.condition} it needs {inputs}; pass the condition, such as num_classes, "
                    "to its builder."
                )
        if self.discriminator.output_shape[-1] != 1:
            raise ValueError(
                f"The discriminator ends in {self.discriminator.output_shape}; scores need a last "
                "axis of 1, linear."
            )
