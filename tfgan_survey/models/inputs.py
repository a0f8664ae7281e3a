"""What comes into a model: pixels in scale, conditions in range; nothing wrong in silence."""

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


def _condition_fault(model, low: float, high: float) -> str:
    return model.spec.condition.fault(low, high)


class ImageInputs:
    """Takes images, with the rows of a condition beside them; mixed into a `TrainableModel`.

    Why:
        All that is known of either is asked of the model's `spec`, a `networks.Spec`.
    """

    input_faults: ClassVar[dict] = {"range": _range_fault, "condition": _condition_fault}

    def unpack(self, data):
        """Return a batch as the networks take it; what is wrong with it becomes a fault.

        Args:
            data: images, or `(images, labels)`, labels being the condition's rows.

        Returns:
            Images float32 in the networks' range, and the rows in the condition's dtype, or None.

        Raises:
            ValueError: another shape or dtype, labels are missing, sample weights.
        """
        images, labels, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        spec = self.spec
        if sample_weight is not None:
            raise ValueError("Sample or class weights came; this model has no use for them.")
        if spec.conditional and labels is None:
            raise ValueError(
                f"This model is conditional: it needs (images, {spec.condition.input_name}), only "
                "images came."
            )
        return self.scaled_images(images), self._recorded(labels) if spec.conditional else None

    def scaled_images(self, images, spec=None) -> tf.Tensor:
        """Return a batch of images as the networks take them; wrong floats become a fault.

        Args:
            images: see `unpack`.
            spec: what they are to fit, where it is not the model's own.

        Raises:
            ValueError: another shape or dtype.
        """
        spec = self.spec if spec is None else spec
        if images.shape[1:] != spec.image_shape:
            raise ValueError(
                f"Images of shape {tuple(images.shape[1:])} came, the networks are built for "
                f"{spec.image_shape}; load the data with image_size=, add an axis of channels "
                "(images[..., None]), or build the pair anew."
            )
        scaled = spec.to_network(images)
        if images.dtype != tf.uint8 and spec.output_range is not None:
            low, high = self._float_range
            slack = _SLACK * (high - low)
            floats = tf.cast(images, tf.float32)
            # Written so that NaN, which is neither below nor above, is outside.
            inside = tf.reduce_all((floats >= low - slack) & (floats <= high + slack))
            self._record(tf.logical_not(inside), "range", floats)
        return scaled

    def check_images(self, images, spec=None) -> np.ndarray:
        """Return a caller's images as an array that is known to be right.

        Args:
            images: uint8, or floats in [0, 1], `(n, *image_shape)`.
            spec: what they are to fit, where it is not the model's own.

        Raises:
            ValueError: none, another shape or dtype, floats outside the range or NaN.
        """
        spec = self.spec if spec is None else spec
        images, shape = np.asarray(images), spec.image_shape
        if images.shape[1:] != shape or len(images) == 0:
            raise ValueError(
                f"Images (n, {', '.join(map(str, shape))}) are expected; {images.shape} came."
            )
        if images.dtype.kind == "f" and spec.output_range is not None:
            low, high = self._float_range
            slack = _SLACK * (high - low)
            if not (images.min() >= low - slack and images.max() <= high + slack):
                span = float(images.min()), float(images.max())
                raise ValueError(_outside(*span, (low, high)))
        return images

    @property
    def _float_range(self) -> tuple[float, float]:
        """Where floats must lie: pictures in [0, 1], points in the networks' range."""
        return self.spec.output_range if self.spec.takes_points else (0.0, 1.0)

    def check_labels(self, num: int, labels) -> np.ndarray | None:
        """Return one row of the condition a sample, or None where there is no condition.

        Args:
            num: samples.
            labels: rows, repeated in turn; None for all classes in turn.

        Returns:
            `(num, ...)` in the condition's dtype: int32 `(num,)` of classes.

        Raises:
            ValueError: rows for an unconditional model, rows that are none of its condition, or
                None where a condition has no default.
        """
        if self.spec.conditional:
            return self.spec.condition.sampling_rows(num, labels)
        if labels is not None:
            raise ValueError(
                "This model was trained without labels; leave labels out, or train one with "
                "num_classes set."
            )
        return None

    def _recorded(self, rows) -> tf.Tensor:
        """Return a condition's rows; wrong ones become a fault, for steps that XLA compiles."""
        condition = self.spec.condition
        rows = condition.typed(rows)
        self._record(condition.outside(rows), "condition", rows)
        return tf.cast(rows, condition.dtype)
