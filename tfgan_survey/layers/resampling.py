"""Maps of another size: PixelShuffle, and convolutions that resample."""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfgan_survey")
class PixelShuffle(keras.layers.Layer):
    """Rearrange channels into space.

    Formula:
        y[b, r i + u, r j + v, k] = x[b, i, j, (r u + v) c + k], c = channels / r^2

    Why:
        up-sampling by a convolution at the small resolution; no overlap, so no checkerboard
        from uneven overlap (survey section 5).

    Args:
        factor: r, how much larger both sides become.
        **kwargs: see `keras.layers.Layer`.

    Raises:
        ValueError: the channels are no multiple of `factor ** 2`.

    Source:
        Shi et al. 2016, arXiv:1609.05158, Eq. 4.
    """

    def __init__(self, factor: int = 2, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape):
        """Check the channels."""
        if input_shape[-1] % self.factor**2:
            raise ValueError(
                f"PixelShuffle({self.factor}) needs channels that are a multiple of "
                f"{self.factor**2}, {input_shape[-1]} came; change the filters before it."
            )

    def call(self, x):
        """Map `(batch, h, w, c r^2)` to `(batch, h r, w r, c)`."""
        return tf.nn.depth_to_space(x, self.factor)

    def compute_output_shape(self, input_shape):
        """Multiply the sides, divide the channels."""
        batch, height, width, channels = input_shape
        r = self.factor
        return (batch, height * r, width * r, channels // r**2)

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable("tfgan_survey")
class ResampledConv2D(keras.layers.Conv2D):
    """A 3 x 3 convolution whose map doubles before it, or halves after it, in one operation.

    Formula:
        up:    y = conv(nearest neighbour(x), K) = transposed convolution of x, stride 2, by
               flip(K) * ones(2, 2)
        down:  y = average pooling(conv(x, K)) = convolution of x, stride 2, by K * ones(2, 2) / 4
        where * is the full convolution, 3 x 3 to 4 x 4

    Why:
        Neighbours that are copies, or that are averaged away, share their products: 16
        multiplications where the two operations one after the other need 36. The function and its
        weights are the same, to rounding.

    Args:
        filters: channels of the result.
        resample: `up`, `down`, or `none` for the plain convolution.
        kernel_size: 3; another one only with `none`.
        **kwargs: as in `keras.layers.Conv2D`, but for strides and padding, which is `same`.

    Raises:
        ValueError: another `resample` or kernel; a map of an odd side to be halved.

    Source:
        Gulrajani et al. 2017, arXiv:1704.00028, the residual blocks' UpsampleConv and ConvMeanPool
        of the authors' code, of which this is the product.
    """

    def __init__(self, filters: int, resample: str = "none", kernel_size: int = 3, **kwargs):
        super().__init__(filters, kernel_size, **{**kwargs, "padding": "same"})
        if resample not in ("none", "up", "down"):
            raise ValueError(f"resample={resample!r}: expected none, up or down.")
        if resample != "none" and self.kernel_size != (3, 3):
            raise ValueError(
                f"resample={resample!r} with a kernel of {self.kernel_size}: expected 3 x 3; put a "
                "pooling or up-sampling layer beside a convolution of another size."
            )
        self.resample = resample

    def build(self, input_shape):
        """Check the sides, create kernel and bias."""
        if self.resample == "down" and any(side % 2 for side in input_shape[1:3]):
            raise ValueError(f"A map of {tuple(input_shape[1:3])} cannot be halved.")
        super().build(input_shape)

    def convolution_op(self, inputs, kernel):
        """Convolve, in one operation with the resampling."""
        if self.resample == "none":
            return super().convolution_op(inputs, kernel)
        wide = _four_shifts(kernel if self.resample == "down" else kernel[::-1, ::-1])
        if self.resample == "down":
            return tf.nn.conv2d(inputs, 0.25 * wide, strides=2, padding="SAME")
        batch, (height, width) = tf.shape(inputs)[0], inputs.shape[1:3]
        return tf.nn.conv2d_transpose(
            inputs,
            tf.transpose(wide, (0, 1, 3, 2)),
            (batch, 2 * height, 2 * width, self.filters),
            strides=2,
            padding="SAME",
        )

    def compute_output_shape(self, input_shape):
        """Double or halve the sides."""
        batch, height, width, _ = input_shape
        if self.resample == "up":
            height, width = 2 * height, 2 * width
        elif self.resample == "down":
            height, width = height // 2, width // 2
        return (batch, height, width, self.filters)

    def get_config(self):
        """Return the constructor's arguments."""
        config = super().get_config()
        del config["strides"], config["padding"]
        return {**config, "resample": self.resample}


def _four_shifts(kernel: tf.Tensor) -> tf.Tensor:
    """Return the full convolution with ones(2, 2): `(3, 3, i, o)` to `(4, 4, i, o)`."""
    rows = tf.pad(kernel, ((0, 1), (0, 0), (0, 0), (0, 0)))
    rows += tf.pad(kernel, ((1, 0), (0, 0), (0, 0), (0, 0)))
    both = tf.pad(rows, ((0, 0), (0, 1), (0, 0), (0, 0)))
    return both + tf.pad(rows, ((0, 0), (1, 0), (0, 0), (0, 0)))
