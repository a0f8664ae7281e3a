"""What comes into a model: pixels in scale, labels in range; nothing wrong passes in silence."""

from __future__ import annotations

from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf

# How far floats may leave their range by rounding, in half precision or in resizing.
_SLACK = 1e-3


def _outside(low: float, high: float, expected: tuple[float, float]) -> str:
    """Say which floats came in place of the expected ones, and what they probably are."""
    wanted = f"[{expected[0]:g}, {expected[1]:g}]"
    if np.isnan(low):
        return f"Floats with NaN came; expected {wanted}. Find where the data lose them."
    if expected != (0.0, 1.0):
        remedy = "Scale the points, or build networks with another output_range."
    elif low < -_SLACK:
        remedy = "Pixels in [-1, 1] become [0, 1] by (images + 1) / 2."
    else:
        remedy = (
            "Floats 0..255, as of image_dataset_from_directory, become [0, 1] by images / 255; or "
            "cast them to uint8."
        )
    return f"Floats from {low:g} to {high:g} came; expected {wanted}. {remedy}"


def _range_fault(model, low: float, high: float) -> str:
    return _outside(low, high, model._float_range)


def _labels_fault(model, low: float, high: float) -> str:
    """Say which labels came."""
    return f"labels {low:.0f}..{high:.0f}: expected 0 to {model.pair.num_classes - 1}."


class ImageInputs:
    """Takes `(images, labels)`; mixed into a `TrainableModel` that has a `pair`."""

    input_faults: ClassVar[dict] = {"range": _range_fault, "labels": _labels_fault}

    def unpack(self, data):
        """Return a batch as the networks take it; what is wrong with it becomes a fault.

        Args:
            data: images, or `(images, labels)`.

        Returns:
            Images float32 in the pair's range, and labels int32, or None.

        Raises:
            ValueError: another shape or dtype, labels are missing, sample weights.
        """
        images, labels, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if sample_weight is not None:
            raise ValueError("Sample or class weights came; this model has no use for them.")
        if self.pair.conditional and labels is None:
            raise ValueError(
                "This model is conditional: it needs (images, labels), only images came."
            )
        if images.shape[1:] != self.pair.image_shape:
            raise ValueError(
                f"Images of shape {tuple(images.shape[1:])} came, the networks are built for "
                f"{self.pair.image_shape}; load the data with image_size=, add an axis of channels "
                "(images[..., None]), or build the pair anew."
            )
        scaled = self.pair.to_network(images)
        if images.dtype != tf.uint8 and self.pair.output_range is not None:
            low, high = self._float_range
            slack = _SLACK * (high - low)
            floats = tf.cast(images, tf.float32)
            # Written so that NaN, which is neither below nor above, is outside.
            inside = tf.reduce_all((floats >= low - slack) & (floats <= high + slack))
            self._record(tf.logical_not(inside), "range", floats)
        return scaled, self._recorded_labels(labels) if self.pair.conditional else None

    @property
    def _float_range(self) -> tuple[float, float]:
        """Where floats must lie: pictures in [0, 1], points in the networks' range."""
        return self.pair.output_range if self.pair.takes_points else (0.0, 1.0)

    def check_labels(self, num: int, labels) -> np.ndarray | None:
        """Return int32 `(num,)`: labels repeated, all classes in turn for None; None without them.

        Raises:
            ValueError: labels for an unconditional model, or ids outside 0..num_classes-1.
        """
        classes = self.pair.num_classes
        if classes is None:
            if labels is not None:
                raise ValueError(
                    "This GAN was trained without labels; leave labels out, or train one with "
                    "num_classes set."
                )
            return None
        ids = np.arange(classes) if labels is None else np.atleast_1d(np.asarray(labels))
        if ids.ndim != 1 or ids.size == 0 or not np.issubdtype(ids.dtype, np.integer):
            raise ValueError(f"labels {labels!r}: expected one class id or a list of them.")
        if ids.min() < 0 or ids.max() >= classes:
            raise ValueError(f"labels {ids.min()}..{ids.max()}: expected 0 to {classes - 1}.")
        return np.resize(ids, num).astype(np.int32)

    def checked_labels(self, labels: tf.Tensor) -> tf.Tensor:
        """Return class ids as int32, known to be in range.

        Why:
            A label out of range would become a zero one-hot vector, and a grey picture, in
            silence. In a graph the check is an assertion that the labels depend on, so that an
            exported model refuses them wherever it is served.

        Args:
            labels: integers `(batch,)`.

        Returns:
            int32 `(batch,)`.

        Raises:
            ValueError: wrong dtype or rank; ids outside 0..num_classes-1.
            tf.errors.InvalidArgumentError: such ids, when the graph is run.
        """
        labels = self._integer_labels(labels)
        last = self.pair.num_classes - 1
        inside = tf.reduce_all((labels >= 0) & (labels <= tf.cast(last, labels.dtype)))
        if tf.executing_eagerly():
            if not inside:
                ids = labels.numpy()
                raise ValueError(f"labels {ids.min()}..{ids.max()}: expected 0 to {last}.")
            return tf.cast(labels, tf.int32)
        expected = f"labels: expected class ids 0 to {last}, these came:"
        check = tf.debugging.Assert(inside, [expected, labels], summarize=10)
        with tf.control_dependencies([check]):
            return tf.cast(tf.identity(labels), tf.int32)

    @staticmethod
    def _integer_labels(labels) -> tf.Tensor:
        labels = tf.convert_to_tensor(labels)
        if not labels.dtype.is_integer:
            raise ValueError(
                f"labels are {labels.dtype.name}; expected integer class ids: cast them, for "
                "example labels.astype('int32')."
            )
        if labels.shape.rank != 1:
            raise ValueError(
                f"labels have shape {tuple(labels.shape)}; expected one class id a row, (batch,)."
            )
        return labels

    def _recorded_labels(self, labels) -> tf.Tensor:
        """Return int32 labels; those out of range become a fault, for steps that XLA compiles."""
        labels = self._integer_labels(labels)
        classes = tf.cast(self.pair.num_classes, labels.dtype)
        outside = tf.reduce_any((labels < 0) | (labels >= classes))
        self._record(outside, "labels", labels)
        return tf.cast(labels, tf.int32)
