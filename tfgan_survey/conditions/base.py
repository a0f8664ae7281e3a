"""What every kind of condition answers; the rooms above ask it and know no kind."""

from __future__ import annotations

import abc
import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Condition(abc.ABC):
    """What a model is told beside its latent: one row an example.

    Why:
        A kind of condition is its form (`row_shape`, `dtype`), its code for the networks and what
        is wrong with a row. The checks of data, batches, callers and served requests follow from
        these, so that a new kind is one file here and its test.

    Attributes:
        kind: its name in saved configurations and cards.
        input_name: of the networks' input and of the served one.
        dtype: of rows in data sets, networks and signatures.
        one_hot: whether codes are one-hot vectors, which pick one row of a matrix.
    """

    kind: ClassVar[str]
    input_name: ClassVar[str] = "condition"
    dtype: ClassVar[str] = "float32"
    one_hot: ClassVar[bool] = False

    # ------------------------------------------------------------------ what a kind says

    @property
    @abc.abstractmethod
    def row_shape(self) -> tuple[int, ...]:
        """Shape of one example's row."""

    @property
    @abc.abstractmethod
    def expected(self) -> str:
        """What rows must be, for messages."""

    @abc.abstractmethod
    def encode(self, rows: keras.KerasTensor) -> keras.KerasTensor:
        """Return what the networks see of the rows.

        Args:
            rows: `(batch, *row_shape)`.

        Returns:
            `(batch, width)`.
        """

    @abc.abstractmethod
    def outside(self, rows: tf.Tensor) -> tf.Tensor:
        """Return whether any row holds values that this condition does not have.

        Args:
            rows: as `typed` returns them, or integers of another width.

        Returns:
            bool scalar.
        """

    def fault(self, low: float, high: float) -> str:
        """Say what is wrong with rows.

        Args:
            low: the least value that came; NaN where one was NaN.
            high: the greatest.
        """
        return f"{self.input_name} from {low:g} to {high:g}: expected {self.expected}."

    # ------------------------------------------------------------------ what follows

    def network_input(self) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """Return a network's input for the rows, and their code."""
        import keras

        rows = keras.Input(self.row_shape, dtype=self.dtype, name=self.input_name)
        return rows, self.encode(rows)

    def tensor_spec(self) -> tf.TensorSpec:
        """Return the input of a signature."""
        import tensorflow as tf

        return tf.TensorSpec((None, *self.row_shape), tf.as_dtype(self.dtype), self.input_name)

    def typed(self, rows) -> tf.Tensor:
        """Return rows as a tensor of a dtype and shape that this condition takes.

        Args:
            rows: array or tensor `(batch, *row_shape)`.

        Raises:
            ValueError: another kind of numbers, or another shape.
        """
        import tensorflow as tf

        rows = tf.convert_to_tensor(rows)
        fits = rows.shape.rank == 1 + len(self.row_shape) and rows.shape[1:] == self.row_shape
        if not rows.dtype.is_floating or not fits:
            raise ValueError(
                f"{self.input_name} is {rows.dtype.name} {tuple(rows.shape)}; expected "
                f"{self.expected}."
            )
        return tf.cast(rows, self.dtype)

    def checked(self, rows) -> tf.Tensor:
        """Return rows that are known to be right.

        Why:
            A label out of range would become a zero one-hot vector, and a grey picture, in
            silence. In a graph the check is an assertion that the rows depend on, so that an
            exported model refuses them wherever it is served.

        Args:
            rows: `(batch, *row_shape)`.

        Returns:
            The rows in this condition's dtype.

        Raises:
            ValueError: another dtype or shape; wrong values.
            tf.errors.InvalidArgumentError: wrong values, when the graph is run.
        """
        import tensorflow as tf

        rows = self.typed(rows)
        outside = self.outside(rows)
        if tf.executing_eagerly():
            if outside:
                raise ValueError(self.fault(*_span(rows.numpy())))
            return tf.cast(rows, self.dtype)
        expected = f"{self.input_name}: expected {self.expected}, these came:"
        check = tf.debugging.Assert(tf.logical_not(outside), [expected, rows], summarize=10)
        with tf.control_dependencies([check]):
            return tf.cast(tf.identity(rows), self.dtype)

    def sampling_rows(self, num: int, rows) -> np.ndarray:
        """Return one row a sample.

        Args:
            num: samples.
            rows: one row or several, repeated in turn.

        Returns:
            `(num, *row_shape)` in this condition's dtype.

        Raises:
            ValueError: no rows, or wrong ones.
        """
        if rows is None:
            raise ValueError(
                f"This model is conditioned on a {self.kind}, of which there is no default: give "
                f"one row or one a sample, {self.expected}."
            )
        rows = np.asarray(rows, self.dtype)
        rows = self.checked(rows[None] if rows.shape == self.row_shape else rows).numpy()
        if len(rows) == 0:
            raise ValueError(f"no rows came; expected {self.expected}.")
        return np.resize(rows, (num, *self.row_shape))

    def examples(self, num: int) -> np.ndarray:
        """Return rows that any model of this condition takes, to try one out.

        Args:
            num: how many.

        Returns:
            `(num, *row_shape)` in this condition's dtype; here numbers in [0, 1), always the same.
        """
        return np.random.default_rng(0).random((num, *self.row_shape)).astype(self.dtype)

    def check_set(self, name: str, rows: np.ndarray, num: int) -> None:
        """Refuse the rows of a data set that are none of this condition.

        Args:
            name: of the set, for messages.
            rows: what stands beside the examples.
            num: examples.

        Raises:
            ValueError: dtype, shape or values differ; the message names what came.
        """
        if rows.dtype != np.dtype(self.dtype) or rows.shape != (num, *self.row_shape):
            shape = ", ".join(map(str, (num, *self.row_shape)))
            raise ValueError(
                f"{name}: {self.input_name} is {rows.dtype} {rows.shape}; expected {self.dtype} "
                f"({shape})."
            )
        if bool(self.outside(self.typed(rows))):
            raise ValueError(f"{name}: {self.fault(*_span(rows))}")

    def get_config(self) -> dict[str, Any]:
        """Return what `as_condition` makes this condition from."""
        return {"kind": self.kind, **dataclasses.asdict(self)}


def _span(rows: np.ndarray) -> tuple[float, float]:
    """Return the least and the greatest value; NaN where there is one."""
    return float(np.min(rows)), float(np.max(rows))
