"""A learnt change of scale and place: what convolutions, which see a neighbourhood, cannot do."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf


class _Moments(NamedTuple):
    middle: np.ndarray  # of rows and columns
    spread: np.ndarray  # of rows, and of columns around the line
    slope: float  # of columns on rows


def _mass_moments(images: np.ndarray) -> _Moments | None:
    """Return where the brightness of images lies; None where it lies on one line or nowhere."""
    mass = np.mean(images, axis=(0, 3), dtype=np.float64)
    v, u = ((2.0 * np.arange(side) + 1.0) / side - 1.0 for side in mass.shape)
    if not mass.sum() > 0.0:
        return None
    mass /= mass.sum()
    rows, columns = mass.sum(axis=1), mass.sum(axis=0)
    middle = np.array([rows @ v, columns @ u])
    v, u = v - middle[0], u - middle[1]
    across, both, down = rows @ v**2, v @ mass @ u, columns @ u**2
    if not across > 0.0:
        return None
    slope = both / across
    around = down - slope * both
    return _Moments(middle, np.sqrt([across, around]), slope) if around > 0.0 else None


@keras.saving.register_keras_serializable("tfgan_survey")
class LearntFrame(keras.layers.Layer):
    """Show images in a frame of their own, the same for all: scales, shifts and a slant.

    Formula:
        y[i, j] = sum_kl hat((r(i) - k) / m_y) / m_y hat((q(i, j) - l) / m_x) / m_x x[k, l],
        r(i) = middle (1 + shift_y) + scale_y (i - middle),
        q(i, j) = middle (1 + shift_x) + scale_x (j - middle) + slant (i - middle),
        hat(t) = max(0, 1 - |t|),  m = max(1, |scale|),  middle = (n - 1) / 2; outside is -1

    Why:
        Digits that fill their image and digits with a margin differ by a scale, upright digits and
        written ones by a slant. A translator of convolutions has to redraw each stroke elsewhere;
        here five numbers, moved by the losses as any weight is, do it. At the start the frame is
        the image's own, or that of `match`.

    Args:
        speed: what the weights are multiplied by, so that steps made for kernels move a frame too.
        **kwargs: see `keras.layers.Layer`.

    Source:
        Jaderberg et al. 2015, arXiv:1506.02025, Eq. 1 and 5; here one transform for all images, and
        a hat that widens where the image shrinks, so that no pixel is passed over.
    """

    def __init__(self, speed: float = 3.0, **kwargs):
        super().__init__(**kwargs)
        self.speed = speed

    def build(self, input_shape):
        """Make the weights: for each axis how far the scale is from 1, and the shift; the slant."""
        self.sides = tuple(input_shape[1:3])
        self.frame = self.add_weight(shape=(2, 2), initializer="zeros", name="frame")
        self.slant = self.add_weight(shape=(), initializer="zeros", name="slant")

    def match(self, source: np.ndarray, target: np.ndarray) -> None:
        """Start where middle, spread and slant of the brightness are those of the target.

        Formula:
            of the mean image as a mass over (v, u) in [-1, 1]^2, for source and target: means, the
            deviation d_v, the slope s of u on v, the deviation d_u around that line;
            scale_y = d_v / d_v',  scale_x = d_u / d_u',  slant = s scale_y - scale_x s',
            shifts: the target's mean is drawn from the source's

        Why:
            Losses move a frame by what is near. Trainings that did not find the frame in time
            exchanged classes instead, so which one it was depended on the seed. Moments need no
            pairs.

        Args:
            source: images of the source, `(n, height, width, channels)`, dark where nothing is.
            target: images of the target, of any size.
        """
        own, other = _mass_moments(source), _mass_moments(target)
        if own is None or other is None:
            return
        scale = own.spread / other.spread
        slant = own.slope * scale[0] - scale[1] * other.slope
        height, width = self.sides
        shift = own.middle - scale * other.middle
        shift[1] -= slant * other.middle[0]
        # From halves of a side to halves of what lies between the first and the last pixel.
        shift *= np.array([height / (height - 1), width / (width - 1)])
        self.frame.assign(np.stack([scale - 1.0, shift], axis=1) / self.speed)
        self.slant.assign(slant * (width / height) / self.speed)

    def call(self, x):
        """Map `(batch, h, w, c)` in [-1, 1] to the same shape and range."""
        change = self.speed * tf.cast(self.frame, "float32")
        slant = self.speed * tf.cast(self.slant, "float32")
        height, width = x.shape[1:3]
        down = tf.range(height, dtype="float32") - (height - 1) / 2
        rows = self._weights(change[0], down, height)
        across = (tf.range(width, dtype="float32") - (width - 1) / 2)[None, :]
        columns = self._weights(change[1], across, width, slant * down[:, None])
        raised = tf.cast(x, "float32") + 1.0
        # Rows first: what is left is one product a row.
        seen = tf.einsum("ijl,bilc->bijc", columns, tf.einsum("ik,bklc->bilc", rows, raised))
        return tf.cast(seen - 1.0, x.dtype)

    @staticmethod
    def _weights(change, places, side: int, moved=0.0):
        """Return how much each of `side` pixels weighs at places from the middle."""
        scale = 1.0 + change[0]
        sources = (side - 1) / 2 * (1.0 + change[1]) + scale * places + moved
        wide = tf.maximum(1.0, tf.abs(scale))
        near = 1.0 - tf.abs(sources[..., None] - tf.range(side, dtype="float32")) / wide
        return tf.maximum(near, 0.0) / wide

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "speed": self.speed}
