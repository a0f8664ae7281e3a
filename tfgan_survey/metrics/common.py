"""What all metrics share: the result types and the checks of their inputs. NumPy only."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np


class MetricWarning(UserWarning):
    """A number was computed, but from input that makes it worth less than it looks."""


class Estimate(NamedTuple):
    """A value and the standard error of that value, in the same unit."""

    value: float
    standard_error: float


@dataclass(frozen=True)
class Measurement:
    """One measured number with all that is needed to read it.

    Args:
        name: what was measured, for example `"frechet_distance"`.
        value: the number.
        standard_error: its standard error; `protocol` says over what. None: not estimated.
        num: how many samples were judged.
        seed: seed of the samples or of the metric's own draws, None when neither has one.
        protocol: one sentence from which the number can be repeated.
        reference: the same measurement on real data, or on other things worth comparing with.
        details: further numbers by name, such as the chosen bandwidth; JSON types only.

    Example:
        >>> Measurement("recall", 0.5, None, 100, 0, "k=3").to_dict()["value"]
        0.5
    """

    name: str
    value: float
    standard_error: float | None
    num: int
    seed: int | None
    protocol: str
    reference: tuple[Measurement, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python types, ready for strict JSON: what is not finite becomes None."""

        def number(value: float | None) -> float | None:
            return None if value is None or not np.isfinite(value) else float(value)

        return {
            "name": self.name,
            "value": number(self.value),
            "standard_error": number(self.standard_error),
            "num": int(self.num),
            "seed": None if self.seed is None else int(self.seed),
            "protocol": self.protocol,
            "reference": [one.to_dict() for one in self.reference],
            "details": dict(self.details),
        }


def warn(message: str) -> None:
    """Issue a `MetricWarning` that points at the caller of the metric.

    Args:
        message: what is doubtful, and what to do.
    """
    warnings.warn(message, MetricWarning, stacklevel=4)


def mean_estimate(values: np.ndarray) -> Estimate:
    """Return the mean of independent values and its standard error, NaN for one value alone.

    Args:
        values: real numbers `(n,)`.
    """
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return Estimate(float(np.mean(values)), float(error))


def check_points(
    points: np.ndarray, name: str, minimum: int = 2, dtype: type = np.float64
) -> np.ndarray:
    """Return `points` as floats `(n, d)`, or say what is wrong with them.

    Args:
        points: real numbers, shape `(n, d)`.
        name: what the message calls them.
        minimum: smallest accepted n.
        dtype: float type of the result.

    Returns:
        `(n, d)` of that type.

    Raises:
        ValueError: not 2-D, not real numbers, too few rows, NaN or infinite values.
    """
    points = np.asarray(points)
    if points.dtype.kind not in "fiu":
        raise ValueError(f"{name} has dtype {points.dtype}; give real numbers.")
    if points.ndim != 2 or points.shape[1] == 0:
        raise ValueError(f"{name} has shape {points.shape}; expected (n, d), one row a sample.")
    if len(points) < minimum:
        raise ValueError(f"{name} has {len(points)} rows; at least {minimum} are needed.")
    points = points.astype(dtype)
    bad = int((~np.isfinite(points)).any(axis=1).sum())
    if bad:
        raise ValueError(
            f"{name} holds NaN or infinite values in {bad} of {len(points)} rows; "
            "a generator that diverged cannot be scored."
        )
    return points


def check_pair(
    a: np.ndarray,
    b: np.ndarray,
    name_a: str,
    name_b: str,
    minimum: int = 2,
    dtype: type = np.float64,
) -> tuple[np.ndarray, np.ndarray]:
    """Check two sets of points, see `check_points`, and that their widths agree.

    Args:
        a: real numbers `(n, d)`.
        b: real numbers `(m, d)`.
        name_a: what the message calls `a`.
        name_b: what the message calls `b`.
        minimum: smallest accepted number of rows.
        dtype: float type of the result.
    """
    a, b = check_points(a, name_a, minimum, dtype), check_points(b, name_b, minimum, dtype)
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"{name_a} has {a.shape[1]} columns, {name_b} has {b.shape[1]}; both must come from "
            "the same feature extractor or image size."
        )
    return a, b


def check_images(
    images: np.ndarray, name: str = "images", image_shape: tuple[int, int, int] | None = None
) -> np.ndarray:
    """Return `images` unchanged if they are uint8 0..255 or floats in [0, 1].

    Args:
        images: uint8 or float, shape `(n, h, w, c)`.
        name: what the message calls them.
        image_shape: the `(h, w, c)` that is required, None for any.

    Returns:
        The same array.

    Raises:
        ValueError: another dtype, shape or range, no image at all, NaN or infinite values.
    """
    images = np.asarray(images)
    if images.ndim != 4 or len(images) == 0:
        raise ValueError(
            f"{name} has shape {images.shape}; expected (n, height, width, channels) with n >= 1. "
            "Grey images need their channel axis: images[..., None]."
        )
    if image_shape is not None and images.shape[1:] != tuple(image_shape):
        raise ValueError(
            f"{name} has images of shape {images.shape[1:]}, this metric needs "
            f"{tuple(image_shape)}; resize or crop them first."
        )
    if images.dtype == np.uint8:
        if images.max() == 1:
            warn(
                f"{name} is uint8 with values 0 and 1 only; bytes are read as 0..255, so these "
                "are black images. If [0, 1] was meant, pass floats or multiply by 255."
            )
        return images
    if images.dtype.kind != "f":
        raise ValueError(
            f"{name} has dtype {images.dtype}; expected uint8 in 0..255 or floats in [0, 1]."
        )
    low, high = float(images.min()), float(images.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        bad = int((~np.isfinite(images)).any(axis=(1, 2, 3)).sum())
        raise ValueError(
            f"{name} holds NaN or infinite values in {bad} of {len(images)} images; "
            "a generator that diverged cannot be scored."
        )
    if low < 0.0 or high > 1.0:
        raise ValueError(
            f"{name} are floats in [{low:.3g}, {high:.3g}]; expected [0, 1]. "
            "Map [-1, 1] by (x + 1) / 2 and 0..255 by x / 255."
        )
    return images


def to_unit(images: np.ndarray, dtype: type = np.float32) -> np.ndarray:
    """Return checked images as floats in [0, 1]; uint8 is divided by 255.

    Args:
        images: uint8, or floats in [0, 1].
        dtype: float type of the result.
    """
    if images.dtype == np.uint8:
        return images.astype(dtype) / dtype(255)
    return images.astype(dtype)


def unit_rows(images: np.ndarray) -> np.ndarray:
    """Return checked images as rows of pixels in [0, 1], float32 `(n, h * w * c)`.

    Args:
        images: uint8, or floats in [0, 1].
    """
    return to_unit(images).reshape(len(images), -1)


def check_labels(
    labels: np.ndarray, num: int, num_classes: int, name: str = "labels", complete: bool = True
) -> np.ndarray:
    """Return `labels` as int32 `(num,)`, or say what is wrong with them.

    Args:
        labels: integers, shape `(num,)`.
        num: how many are expected.
        num_classes: labels lie in [0, num_classes).
        name: what the message calls them.
        complete: whether every class must occur.

    Returns:
        int32 `(num,)`.

    Raises:
        ValueError: wrong shape, no integers, out of range, or a class missing if `complete`.
    """
    labels = np.asarray(labels)
    if labels.shape != (num,):
        raise ValueError(f"{name} has shape {labels.shape}; expected ({num},), one a sample.")
    if labels.dtype.kind not in "iu":
        raise ValueError(f"{name} has dtype {labels.dtype}; expected integers.")
    if num and (labels.min() < 0 or labels.max() >= num_classes):
        raise ValueError(
            f"{name} lie in [{labels.min()}, {labels.max()}]; expected 0 to {num_classes - 1}."
        )
    missing = np.setdiff1d(np.arange(num_classes), labels).tolist()
    if complete and missing:
        raise ValueError(
            f"{name} has no sample of class {', '.join(map(str, missing))}; "
            f"this metric needs every one of the {num_classes} classes."
        )
    return labels.astype(np.int32)
