"""Inception-v3 as Google released it in 2015, up to its last pooling: the network of the FID.

It is not the network of `keras.applications` or torchvision: it was trained on 1,008 classes, pads
its average pools without counting the padding, has a max pool in its last block, no scale in its
batch normalisation, and reads (x - 128) / 128. Features of the others give other numbers.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

SIDE = 299


class InceptionNetwork:
    """Images to the 2,048 features of the layer `pool_3`.

    Formula:
        resize to 299x299, (x - 128) / 128, 5 units and 2 max pools, 3 blocks A, B, 4 blocks
        C, D, 2 blocks E, mean over the 8x8 positions; a unit is relu(w * x + b), see
        `fold_units`.
    Why:
        the resize is the bilinear one of TensorFlow 1 (source position = target position *
        scale, border repeated, no smoothing), because the graph of the paper's code has it
        inside, and because the package that the weights come from takes it by default. Ports
        that align half pixels (pytorch-fid) or map to [-1, 1] give slightly other features.

    Args:
        units: kernel `(height, width, in, out)` and bias `(out,)` by name; all widths follow from
            them.

    Source:
        Szegedy et al. 2015, arXiv:1512.00567, Table 1, in the released graph's variant;
        Heusel et al. 2017, arXiv:1706.08500, for its use.
    """

    def __init__(self, units: Mapping[str, tuple[np.ndarray, np.ndarray]]):
        self._units = {
            name: (tf.constant(kernel), tf.constant(bias)) for name, (kernel, bias) in units.items()
        }
        # Not compiled by XLA: on a processor that was 20 % slower and took 3 s longer to start.
        self._function = tf.function(
            self.forward, input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32)]
        )

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return features float32 `(n, 2048)` of images 0..255, `(n, height, width, 3)`."""
        return self._function(tf.cast(images, tf.float32)).numpy()

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        """Return features of float32 images 0..255; the equations, block by block.

        Args:
            x: float32 `(n, height, width, 3)`.
        """
        x = tf.raw_ops.ResizeBilinear(images=x, size=(SIDE, SIDE))
        x = (x - 128.0) / 128.0
        x = self._unit(x, "conv", 2, "VALID")
        x = self._unit(x, "conv_1", 1, "VALID")
        x = _max_pool(self._unit(x, "conv_2"))
        x = self._unit(x, "conv_3", 1, "VALID")
        x = _max_pool(self._unit(x, "conv_4", 1, "VALID"))
        for name in ("mixed", "mixed_1", "mixed_2"):
            x = self._four_paths(x, name, 2, 3)
        x = self._block_b(x, "mixed_3")
        for name in ("mixed_4", "mixed_5", "mixed_6", "mixed_7"):
            x = self._four_paths(x, name, 3, 5)
        x = self._block_d(x, "mixed_8")
        x = self._block_e(x, "mixed_9", average_pool)
        x = self._block_e(x, "mixed_10", _same_max_pool)
        return tf.reduce_mean(x, axis=(1, 2))

    def _unit(self, x, name: str, stride: int = 1, padding: str = "SAME"):
        kernel, bias = self._units[name]
        return tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, kernel, stride, padding), bias))

    def _tower(self, x, name: str, units: int, last_stride: int = 1):
        """Units in a row; the last may halve the size."""
        for i in range(units):
            path = f"{name}.conv_{i}" if i else f"{name}.conv"
            halves = last_stride == 2 and i == units - 1
            x = self._unit(x, path, 2, "VALID") if halves else self._unit(x, path)
        return x

    def _pooled(self, x, name: str):
        return self._unit(average_pool(x), f"{name}.conv")

    def _four_paths(self, x, name: str, first: int, second: int):
        """Blocks A and C: one unit, towers of `first` and `second` units, a pool with its unit."""
        return tf.concat(
            [
                self._unit(x, f"{name}.conv"),
                self._tower(x, f"{name}.tower", first),
                self._tower(x, f"{name}.tower_1", second),
                self._pooled(x, f"{name}.tower_2"),
            ],
            axis=-1,
        )

    def _block_b(self, x, name: str):
        return tf.concat(
            [
                self._unit(x, f"{name}.conv", 2, "VALID"),
                self._tower(x, f"{name}.tower", 3, last_stride=2),
                _max_pool(x),
            ],
            axis=-1,
        )

    def _block_d(self, x, name: str):
        return tf.concat(
            [
                self._tower(x, f"{name}.tower", 2, last_stride=2),
                self._tower(x, f"{name}.tower_1", 4, last_stride=2),
                _max_pool(x),
            ],
            axis=-1,
        )

    def _block_e(self, x, name: str, pool):
        tower = self._unit(x, f"{name}.tower_conv")
        tower_1 = self._unit(self._unit(x, f"{name}.tower_1_conv"), f"{name}.tower_1_conv_1")
        return tf.concat(
            [
                self._unit(x, f"{name}.conv"),
                self._unit(tower, f"{name}.tower_mixed_conv"),
                self._unit(tower, f"{name}.tower_mixed_conv_1"),
                self._unit(tower_1, f"{name}.tower_1_mixed_conv"),
                self._unit(tower_1, f"{name}.tower_1_mixed_conv_1"),
                self._unit(pool(x), f"{name}.tower_2_conv"),
            ],
            axis=-1,
        )


def average_pool(x: tf.Tensor) -> tf.Tensor:
    """Return the mean over 3x3 positions; at the border over those inside the image only.

    Args:
        x: float32 `(n, height, width, channels)`.
    """
    return tf.nn.avg_pool2d(x, 3, 1, "SAME")


def _same_max_pool(x):
    return tf.nn.max_pool2d(x, 3, 1, "SAME")


def _max_pool(x):
    return tf.nn.max_pool2d(x, 3, 2, "VALID")
