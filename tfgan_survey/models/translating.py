"""Translation: images of one domain to images of another, for callers and for servers."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import keras
import numpy as np
import tensorflow as tf

from tfgan_survey.errors import SettingError
from tfgan_survey.networks.scorer import Scorer
from tfgan_survey.settings import check_whole

Direction = Literal["a2b", "b2a"]
# Direction to source, target, and what its signature is called.
_WAYS = {"a2b": ("a", "b", "a_to_b"), "b2a": ("b", "a", "b_to_a")}


class Translates(abc.ABC):
    """The translating half of a model of two domains; mixed into a `TrainableModel`.

    Why:
        The model has a `spec` with the domains `a` and `b`, and `run_translator`; it takes its
        inputs' checks from `ImageInputs`.

    Attributes:
        directions: in which it translates.
    """

    directions: ClassVar[tuple[str, ...]] = tuple(_WAYS)

    @abc.abstractmethod
    def run_translator(self, direction: str, images, training: bool = False) -> tf.Tensor:
        """Run the network that translates.

        Args:
            direction: one of `directions`.
            images: float32 in the source's range.
            training: whether it is the network that trains, in training mode.

        Returns:
            float32 in the target's range.
        """

    # Traced at the first call of `translate`.
    _traced: dict[str, Callable] | None = None

    def source(self, direction: str) -> Scorer:
        """Return the domain that is translated from.

        Args:
            direction: one of `directions`.
        """
        return getattr(self.spec, _WAYS[self.check_direction(direction)][0])

    def target(self, direction: str) -> Scorer:
        """Return the domain that is translated to.

        Args:
            direction: one of `directions`.
        """
        return getattr(self.spec, _WAYS[self.check_direction(direction)][1])

    def check_direction(self, direction: str) -> str:
        """Return a direction that this model has.

        Args:
            direction: what came.

        Raises:
            SettingError: it has no such direction.
        """
        if direction not in self.directions:
            raise SettingError(
                f"direction={direction!r}: {self.name} translates {' and '.join(self.directions)}."
            )
        return direction

    def call(self, inputs, training: bool = False):
        """Map images of A to B.

        Args:
            inputs: images of A as `fit` takes them.
            training: whether the translator runs in training mode.

        Returns:
            float32 `(batch, *shape of B)` in [0, 1].
        """
        a, b = self.source("a2b"), self.target("a2b")
        return b.to_unit(self.run_translator("a2b", a.to_network(inputs), training))

    def predict_step(self, data) -> tf.Tensor:
        """Return the translations of one batch of images of A; see `predict`.

        Args:
            data: images, or `(images, others)`, of which the others are left out.
        """
        return self(keras.utils.unpack_x_y_sample_weight(data)[0])

    def translate(
        self, images: np.ndarray, direction: Direction = "a2b", batch_size: int = 64
    ) -> np.ndarray:
        """Return images as they would look in the other domain.

        Args:
            images: of the source, uint8 or floats in [0, 1], `(n, *shape of the source)`.
            direction: `a2b` or `b2a`.
            batch_size: images at a time.

        Returns:
            float32 `(n, *shape of the target)` in [0, 1].

        Raises:
            SettingError: a direction that the model does not have.
            ValueError: no images, images of another shape, type or range.
        """
        source = self.source(direction)
        if self._traced is None:
            self._traced = {
                way: tf.function(function, input_signature=specs)
                for way in self.directions
                for function, specs in [self._signature(way)]
            }
        check_whole("batch_size", batch_size)
        images = self.check_images(images, source)
        parts = []
        for start in range(0, len(images), batch_size):
            part = tf.constant(images[start : start + batch_size])
            unit = source.to_unit(source.to_network(part))
            parts.append(self._traced[direction](unit)["images"].numpy())
        return np.concatenate(parts)

    def cycle(
        self, images: np.ndarray, direction: Direction = "a2b", batch_size: int = 64
    ) -> np.ndarray:
        """Return images translated and back again.

        Args:
            images: see `translate`; so are `direction`, the way there, and `batch_size`.
            direction: see `images`.
            batch_size: see `images`.

        Returns:
            float32 of the same shape, in [0, 1].

        Raises:
            SettingError: a direction that the model does not have, or that has no way back.
            ValueError: as in `translate`.
        """
        back = direction[::-1]  # a2b, b2a
        self.check_direction(back)
        return self.translate(self.translate(images, direction, batch_size), back, batch_size)

    # ------------------------------------------------------------------ exports

    def _signature(self, direction: str) -> tuple[Callable, list[tf.TensorSpec]]:
        source, target = self.source(direction), self.target(direction)

        def translate(images):
            made = self.run_translator(direction, source.from_unit(images))
            return {"images": target.to_unit(made)}

        return translate, [tf.TensorSpec((None, *source.image_shape), tf.float32, "images")]

    def _png_signature(self, direction: str) -> tuple[Callable, list[tf.TensorSpec]]:
        shape = self.source(direction).image_shape
        translate, _ = self._signature(direction)

        def one(content):
            # Another size is an error that names both, not a picture stretched by nobody's wish.
            return tf.ensure_shape(tf.io.decode_png(content, channels=shape[2]), shape)

        def translate_png(image_bytes):
            pixels = tf.map_fn(one, image_bytes, fn_output_signature=tf.uint8)
            made = translate(tf.cast(pixels, tf.float32) / 255.0)["images"]
            made = tf.cast(tf.round(made * 255.0), tf.uint8)
            encoded = tf.map_fn(tf.io.encode_png, made, fn_output_signature=tf.string)
            return {"image_bytes": encoded}

        return translate_png, [tf.TensorSpec((None,), tf.string, "image_bytes")]

    def signatures(self) -> dict[str, tuple[Callable, list[tf.TensorSpec]]]:
        """Return one signature a direction, and one that takes and gives PNG files' bytes.

        `a_to_b` and `b_to_a` map `images` in [0, 1] to `images`, `a_to_b_png` and `b_to_a_png`
        `image_bytes` to `image_bytes`; `serving_default` is the first.
        """
        found = {"serving_default": self._signature(self.directions[0])}
        for direction in self.directions:
            name = _WAYS[direction][2]
            found[name] = self._signature(direction)
            found[f"{name}_png"] = self._png_signature(direction)
        return found

    def export_facts(self) -> dict[str, Any]:
        """Return the shapes of both sides."""
        return {**self.spec.facts(), "directions": list(self.directions)}
