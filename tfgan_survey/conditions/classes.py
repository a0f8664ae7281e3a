"""Class ids."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfgan_survey.conditions.base import Condition
from tfgan_survey.settings import check_whole


@dataclasses.dataclass(frozen=True)
class Classes(Condition):
    """One of several classes; networks see a one-hot vector.

    Args:
        num_classes: ids run from 0 to `num_classes - 1`.

    Raises:
        SettingError: no positive whole number.
    """

    kind = "classes"
    input_name = "labels"
    dtype = "int32"
    one_hot = True

    num_classes: int

    def __post_init__(self):
        object.__setattr__(self, "num_classes", check_whole("num_classes", self.num_classes))

    @property
    def row_shape(self) -> tuple[int, ...]:
        """A label is one number."""
        return ()

    @property
    def expected(self) -> str:
        """What labels must be, for messages."""
        return f"class ids 0 to {self.num_classes - 1}"

    def fault(self, low: float, high: float) -> str:
        """Say which labels came."""
        return f"labels {low:.0f}..{high:.0f}: expected 0 to {self.num_classes - 1}."

    def encode(self, rows):
        """Return one-hot vectors.

        Raises:
            ValueError: fewer than two classes, of which a label would say nothing.
        """
        from tfgan_survey.layers.conditioning import OneHotLabels

        if self.num_classes < 2:
            raise ValueError(
                f"num_classes={self.num_classes}: expected at least 2; leave it out for a pair "
                "without labels."
            )
        return OneHotLabels(self.num_classes)(rows)

    def outside(self, rows):
        """Return whether any id is none of a class."""
        import tensorflow as tf

        # Narrow integers may not reach the last class.
        last = min(self.num_classes - 1, rows.dtype.max)
        return tf.reduce_any((rows < 0) | (rows > tf.cast(last, rows.dtype)))

    def typed(self, rows):
        """Return integers `(batch,)` of whatever width, so that none is cut before it is checked.

        Raises:
            ValueError: other numbers, or more than one a row.
        """
        import tensorflow as tf

        labels = tf.convert_to_tensor(rows)
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

    def sampling_rows(self, num, rows):
        """Return int32 `(num,)`: labels repeated, all classes in turn for None.

        Raises:
            ValueError: no integers, or ids outside 0..num_classes-1.
        """
        ids = np.arange(self.num_classes) if rows is None else np.atleast_1d(np.asarray(rows))
        if ids.ndim != 1 or ids.size == 0 or not np.issubdtype(ids.dtype, np.integer):
            raise ValueError(f"labels {rows!r}: expected one class id or a list of them.")
        if ids.min() < 0 or ids.max() >= self.num_classes:
            raise ValueError(self.fault(ids.min(), ids.max()))
        return np.resize(ids, num).astype(np.int32)

    def examples(self, num):
        """Return all classes in turn."""
        return self.sampling_rows(num, None)

    def check_set(self, name, rows, num):
        """Refuse labels of another form or range; without TensorFlow, as data are listed so."""
        if rows.dtype != np.int32 or rows.shape != (num,):
            raise ValueError(
                f"{name}: labels are {rows.dtype} {rows.shape}; expected int32 ({num},)."
            )
        if len(rows) and not 0 <= rows.min() <= rows.max() < self.num_classes:
            raise ValueError(
                f"{name}: labels run from {rows.min()} to {rows.max()}; expected "
                f"0..{self.num_classes - 1}."
            )
