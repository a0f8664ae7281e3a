"""Examples with labels in original order: images and points share what is here."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from tfgan_survey.conditions import Classes, Condition, as_condition
from tfgan_survey.data.rows import tensor_of
from tfgan_survey.data.stream import Plan, Streamed

if TYPE_CHECKING:
    import tensorflow as tf

# Epochs whose permutations a pipeline without a known end holds, and the most indices of them
# (32 MB); later epochs are shuffled in the graph.
_KNOWN_EPOCHS, _KNOWN_INDICES = 128, 2**23


@dataclasses.dataclass(frozen=True, eq=False)
class ExampleSet(Streamed):
    """Examples and labels of one split, in original order; images and points share it.

    Args:
        name: data set and split, for messages.
        images: the examples, shape `(n, ...)`; what they are, a subclass checks.
        labels: one row an example: int32, shape `(n,)`, in 0..num_classes-1; or rows of another
            `condition`, of whose dtype and shape they are.
        num_classes: number of classes of the data set, also of those absent from this split; None
            where the condition is another.
        class_names: `num_classes` names.
        condition: what the labels are; None for classes.

    Raises:
        ValueError: dtype or shape differs; the message names what came.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    num_classes: int | None = None
    class_names: tuple[str, ...] = ()
    condition: Condition | None = None

    def __post_init__(self):
        condition = as_condition(self.num_classes, self.condition)
        if condition is None:
            raise ValueError(
                f"{self.name}: neither num_classes nor a condition says what labels are."
            )
        object.__setattr__(self, "condition", condition)
        if isinstance(condition, Classes):
            object.__setattr__(self, "num_classes", condition.num_classes)
        condition.check_set(self.name, self.labels, len(self.images))
        if len(self.class_names) != (self.num_classes or 0):
            raise ValueError(
                f"{self.name}: {len(self.class_names)} class names for {self.num_classes} classes."
            )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        return self.images.shape[1:]

    def order(
        self, epoch: int, *, seed: int = 0, shuffle: bool = True, known: int | None = None
    ) -> np.ndarray:
        """Return the indices in the order in which an epoch visits them.

        Formula:
            default_rng([seed, epoch]).permutation(n) for epoch < known;
            TensorFlow's index_shuffle keyed by (seed, epoch) from there on;
            0..n-1 without shuffling.

        Args:
            epoch: which epoch, from 0.
            seed: non-negative integer.
            shuffle: False for the original order.
            known: epochs with a permutation of numpy's; None for all.

        Returns:
            int64 `(n,)`.
        """
        if not shuffle:
            return np.arange(len(self))
        if known is None or epoch < known:
            return np.random.default_rng([seed, epoch]).permutation(len(self))
        import tensorflow as tf

        positions = tf.range(len(self), dtype=tf.int64)
        return _index_shuffle(positions, seed, tf.constant(epoch, tf.int64), len(self)).numpy()

    def known_epochs(self) -> int:
        """Return how many epochs of a `stream` without a known end follow numpy's order."""
        return max(1, min(_KNOWN_EPOCHS, _KNOWN_INDICES // max(1, len(self))))

    def _parts(self, plan: Plan):
        import tensorflow as tf

        size, batch_size = len(self), plan.batch_size
        first, last = plan.known
        images, place = tensor_of(self.images)
        labels = tf.constant(self.labels)
        table = None
        if plan.shuffle:
            orders = [
                self.order(epoch, seed=plan.seed).astype(np.int32) for epoch in range(first, last)
            ]
            table = tf.constant(np.concatenate(orders))

        begin = plan.steps.start * batch_size
        end = min(plan.steps.stop * batch_size, size)
        whole = (end - begin) // batch_size * batch_size

        def order(epoch):
            """The part's indices; made once an epoch, so that a step only gathers its own."""
            places = tf.range(begin, end, dtype=tf.int64)
            if table is None:
                return places
            return tf.cond(
                epoch < last,
                lambda: tf.cast(tf.gather(table, (epoch - first) * size + places), tf.int64),
                lambda: _index_shuffle(places, plan.seed, epoch, size),
            )

        def rows(epoch):
            indices = tf.ensure_shape(order(epoch), (end - begin,))
            steps = tf.reshape(indices[:whole], (-1, batch_size))[:, plan.own]
            batches = tf.data.Dataset.from_tensor_slices(steps)
            if whole < end - begin:
                rest = indices[whole:][plan.own]
                batches = batches.concatenate(tf.data.Dataset.from_tensors(rest))
            return batches

        def batch(indices):
            return tf.gather(images, place + indices), tf.gather(labels, indices)

        return rows, batch


def _index_shuffle(places: tf.Tensor, seed: int, epoch: tf.Tensor, size: int) -> tf.Tensor:
    """Return where a pseudo-random permutation of 0..size-1, keyed by seed and epoch, sends places.

    Source:
        TensorFlow's `index_shuffle`, a block cipher over the indices (Simon, Beaulieu et al. 2013).
    """
    import tensorflow as tf

    key = tf.stack([tf.constant(seed % 2**63, tf.int64), tf.cast(epoch, tf.int64)])
    return tf.random.experimental.index_shuffle(places, key, tf.constant(size - 1, places.dtype))
