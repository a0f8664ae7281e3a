"""A pool of the images that a generator made before, shown to its discriminator again."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from tfgan_survey.layers.sampling import random_uniform
from tfgan_survey.settings import check_whole


@keras.saving.register_keras_serializable("tfgan_survey")
class ImagePool(keras.layers.Layer):
    """The last images that came by; each new one may be exchanged for one of them.

    Formula:
        while the pool is not full: y = x, and x is put into it;
        then u, v ~ U(0, 1):  y = x if u < 1/2,  else y = pool[floor(size v)] and x takes its place

    Why:
        A discriminator that sees only what its generator makes now forgets what it refused before,
        and the two go round in circles.

        Images of a batch come one after the other, as in the published code with its batch of one:
        the second of a batch can get the first. Pool and count are weights, so that a saved
        training goes on with them.

    Args:
        size: images that it holds; 0 gives every image back as it came.
        image_shape: of one image.
        **kwargs: see `keras.layers.Layer`.

    Raises:
        SettingError: a size that is no whole number of 0 or more.

    Source:
        Shrivastava et al. 2017, arXiv:1612.07828, section 2.3; Zhu et al. 2017, arXiv:1703.10593,
        section 4: 50 images.
    """

    def __init__(self, size: int, image_shape: Sequence[int], **kwargs):
        super().__init__(trainable=False, **{"dtype": "float32", **kwargs})
        self.size = check_whole("pool_size", size, smallest=0)
        self.image_shape = tuple(image_shape)
        self.images = self.count = None
        if size:
            self.images = self._state((size, *self.image_shape), "float32", "images")
            self.count = self._state((), "int32", "count")
        self.built = True

    def _state(self, shape, dtype: str, name: str):
        return self.add_weight(
            shape=shape, initializer="zeros", dtype=dtype, trainable=False, name=name
        )

    def exchange(self, images: tf.Tensor, seed: keras.random.SeedGenerator) -> tf.Tensor:
        """Put images into the pool and return what the discriminator sees in their place.

        Args:
            images: float32 `(batch, *image_shape)`.
            seed: of the draws; advances by one draw, whether the pool is full or not.

        Returns:
            float32 of the same shape; without gradients into the images that were made before.
        """
        if not self.size:
            return images
        batch = tf.shape(images)[0]
        draws = random_uniform((batch, 2), seed)
        slots = tf.minimum(tf.cast(draws[:, 1] * self.size, "int32"), self.size - 1)

        def one(index, pool, count, shown):
            image = images[index]
            filling = count < self.size
            kept = draws[index, 0] < 0.5
            slot = tf.where(filling, tf.minimum(count, self.size - 1), slots[index])
            stays = tf.logical_and(tf.logical_not(filling), kept)
            before = pool[slot]
            seen = tf.where(tf.logical_or(filling, kept), image, before)
            held = tf.where(stays, before, image)
            pool = tf.tensor_scatter_nd_update(pool, [[slot]], held[None])
            shown = tf.tensor_scatter_nd_update(shown, [[index]], seen[None])
            return index + 1, pool, count + tf.cast(filling, "int32"), shown

        state = (0, self.images.value, self.count.value, images)
        _, pool, count, shown = tf.while_loop(
            lambda index, *_: index < batch, one, tf.nest.map_structure(tf.convert_to_tensor, state)
        )
        self.images.assign(pool)
        self.count.assign(count)
        return shown

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "size": self.size, "image_shape": list(self.image_shape)}
