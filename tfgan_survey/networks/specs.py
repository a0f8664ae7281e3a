"""What networks are built for: the data's shape and range, the condition, the latent."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgan_survey.conditions import Classes, Condition, as_condition
from tfgan_survey.layers.sampling import check_latent
from tfgan_survey.settings import check_whole


@keras.saving.register_keras_serializable("tfgan_survey")
@dataclasses.dataclass(frozen=True)
class Spec:
    """The facts that networks, a training loop and an export agree on.

    Why:
        Everything that knows about pixels' scale, latents or a condition's form asks the spec, so
        a builder, a loop, a loss or an export needs no case for a certain network. `vocabulary`,
        what the numbers of an example stand for, such as names of tags, comes with the data, see
        `learn_vocabulary`; so do `class_names`, see `learn_class_names`.

    Args:
        image_shape: `(height, width, channels)`, or `(features,)` for points.
        condition: a `tfgan_survey.conditions.Condition`, or a number of classes; None for none.
        latent_dim: width of the latent; None for models without one.
        latent: distribution of the latent, one of `tfgan_survey.layers.sampling.LATENTS`.
        output_range: `(low, high)` in which networks make and take images; None for points, which
            every side sees in the data's own units.

    Raises:
        ValueError: sizes that are none, an unknown latent, a range upside down.
    """

    image_shape: tuple[int, ...]
    condition: Condition | None = None
    latent_dim: int | None = None
    latent: str = "uniform"
    output_range: tuple[float, float] | None = (0.0, 1.0)
    vocabulary: tuple[str, ...] = dataclasses.field(default=(), init=False)
    class_names: tuple[str, ...] = dataclasses.field(default=(), init=False, compare=False)

    def __post_init__(self):
        given = self.latent_dim, self.output_range
        made = {
            "image_shape": tuple(int(size) for size in self.image_shape),
            "condition": as_condition(self.condition),
            "latent_dim": None if given[0] is None else check_whole("latent_dim", given[0]),
            "latent": check_latent(self.latent),
            "output_range": None if given[1] is None else tuple(map(float, given[1])),
        }
        for name, value in made.items():
            object.__setattr__(self, name, value)
        if self.output_range is not None and not self.output_range[0] < self.output_range[1]:
            raise ValueError(f"output_range {self.output_range}: low must be below high.")

    @property
    def conditional(self) -> bool:
        """Whether the networks take a condition."""
        return self.condition is not None

    @property
    def num_classes(self) -> int | None:
        """Number of classes; None where the condition is another, or none."""
        return self.condition.num_classes if isinstance(self.condition, Classes) else None

    @property
    def takes_points(self) -> bool:
        """Whether examples are points, which have units of their own, and no pictures."""
        return self.output_range is None or len(self.image_shape) == 1

    def learn_vocabulary(self, words: Sequence[str]) -> None:
        """Keep what the numbers of an example stand for; it is saved and stands on cards.

        Why:
            Networks are built for a shape. The names come with the data afterwards, once, and
            nothing is computed by them.

        Args:
            words: one name a number; none where they have no names.

        Raises:
            ValueError: more or fewer names than numbers.
        """
        words = tuple(map(str, words))
        if words and self.image_shape != (len(words),):
            raise ValueError(
                f"{len(words)} names came for examples of shape {self.image_shape}; expected one a "
                "number."
            )
        object.__setattr__(self, "vocabulary", words)

    def learn_class_names(self, names: Sequence[str]) -> None:
        """Keep what the classes are called; it is saved and stands on cards.

        Args:
            names: one a class; none where they have no names.

        Raises:
            ValueError: more or fewer names than classes.
        """
        names = tuple(map(str, names))
        if names and len(names) != self.num_classes:
            raise ValueError(
                f"{len(names)} class names came for {self.num_classes or 'no'} classes; expected "
                "one a class."
            )
        object.__setattr__(self, "class_names", names)

    def condition_inputs(self) -> list[tf.TensorSpec]:
        """Return a signature's inputs for the condition: one, or none."""
        return [self.condition.tensor_spec()] if self.conditional else []

    # ------------------------------------------------------------------ scale

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
        """Scale [0, 1] to `output_range`; leave points as they are.

        Args:
            images: float32.
        """
        if self.output_range is None:
            return images
        low, high = self.output_range
        return images * (high - low) + low

    def to_unit(self, images: tf.Tensor) -> tf.Tensor:
        """Scale `output_range` to [0, 1], float32; leave points as they are.

        Args:
            images: what a network made.
        """
        if self.output_range is None:
            return tf.cast(images, tf.float32)
        low, high = self.output_range
        return tf.clip_by_value((tf.cast(images, tf.float32) - low) / (high - low), 0.0, 1.0)

    # ------------------------------------------------------------------ saving, cards

    def facts(self) -> dict[str, Any]:
        """Return what a client must know to ask for samples."""
        config = Spec.get_config(self)
        del config["output_range"]  # served images are in [0, 1]
        return config

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs; classes as their number, as they always were saved."""
        classes = {"num_classes": self.num_classes}
        if self.conditional and self.num_classes is None:
            classes["condition"] = self.condition.get_config()
        return {
            "image_shape": list(self.image_shape),
            "latent_dim": self.latent_dim,
            **classes,
            "output_range": None if self.output_range is None else list(self.output_range),
            "latent": self.latent,
            **({"vocabulary": list(self.vocabulary)} if self.vocabulary else {}),
            **({"class_names": list(self.class_names)} if self.class_names else {}),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Spec:
        """Build the spec from what `get_config` returned."""
        fields = dict(config)
        condition = as_condition(fields.pop("num_classes", None), fields.pop("condition", None))
        words, names = fields.pop("vocabulary", ()), fields.pop("class_names", ())
        spec = cls(condition=condition, **fields)
        spec.learn_vocabulary(words)
        spec.learn_class_names(names)
        return spec
