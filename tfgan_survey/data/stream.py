"""Examples with labels in original order, streamed as `tf.data` of (examples, labels).

The order of an epoch is a pure function of seed and epoch, and the pipeline computes it in its own
graph: a training that is saved and resumed sees the same batches as one that never stopped, a
worker's share is a slice, and nothing asks Python while batches are made.
"""

from __future__ import annotations

import dataclasses
import itertools
import weakref
from typing import TYPE_CHECKING

import numpy as np

from tfgan_survey.conditions import Classes, Condition, as_condition
from tfgan_survey.errors import SettingError

if TYPE_CHECKING:
    import tensorflow as tf

# Batches made ahead: enough for a training that takes several steps in one call to be fed while
# Python has its turn in between.
_PREFETCH = 16
# Epochs whose permutations a pipeline without a known end holds, and the most indices of them
# (32 MB); later epochs are shuffled in the graph.
_KNOWN_EPOCHS, _KNOWN_INDICES = 128, 2**23
# Which epoch the next iteration gives, by the mark that a pipeline carries in its options, which
# TensorFlow hands on through every transformation.
_MARK = "tfgan_survey/stream/"
_numbers = itertools.count()
_counters: weakref.WeakValueDictionary[str, tf.Variable] = weakref.WeakValueDictionary()


@dataclasses.dataclass(frozen=True, eq=False)
class ExampleSet:
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

    def steps_per_epoch(self, batch_size: int, drop_remainder: bool = True) -> int:
        """Return how many batches one epoch has.

        Args:
            batch_size: examples in a batch.
            drop_remainder: leave out the last, smaller batch.

        Raises:
            SettingError: `batch_size` below 1, or larger than the set while the remainder is
                dropped, so that an epoch would be empty.
        """
        if int(batch_size) != batch_size or batch_size < 1:
            raise SettingError(f"batch_size is {batch_size!r}; expected a positive integer.")
        steps = len(self) // batch_size if drop_remainder else -(-len(self) // batch_size)
        if steps == 0:
            raise SettingError(
                f"batch_size {batch_size} is larger than the {len(self)} images of {self.name}; "
                "take a smaller batch or drop_remainder=False."
            )
        return steps

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

    def stream(
        self,
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
        drop_remainder: bool = True,
        epochs: int | None = None,
        share: tuple[int, int] = (0, 1),
    ) -> tf.data.Dataset:
        """Make the pipeline for training: each iteration over it is one epoch.

        The first iteration is epoch 0, the next epoch 1 and so on, each in its own order; with
        `set_epoch` the caller decides which epoch the next iteration gives.

        Args:
            batch_size: images in a batch.
            seed: non-negative integer; with the epoch it determines the order.
            shuffle: `False` gives the original order every time.
            drop_remainder: leave out the last, smaller batch, so that every batch has the same
                static shape (which XLA wants).
            epochs: how many epochs follow numpy's order, see `order`; default: `known_epochs`.
                Their permutations are held in memory, 4 bytes an index.
            share: `(index, count)`: of every batch only this worker's slice of `batch_size / count`
                examples.

        Returns:
            Dataset of (examples `(batch, ...)`, labels `(batch, ...)`) in the dtypes of the set,
            such as uint8 images and int32 class ids, with known cardinality, deterministic and
            prefetched.

        Raises:
            SettingError: unusable `batch_size`, `seed` or `share`.
        """
        import tensorflow as tf

        steps = self.steps_per_epoch(batch_size, drop_remainder)
        known = self.known_epochs() if epochs is None else max(1, epochs)
        with tf.device("CPU"):
            counter = tf.Variable(0, dtype=tf.int64, trainable=False, name="epoch")

        # Advanced at the first batch, not when the iterator is made: Keras creates an iterator at
        # the end of an epoch that it may throw away, and such a one must not count.
        def take(_):
            return counter.assign_add(1) - 1

        dataset = tf.data.Dataset.from_tensors(0).map(take)
        mark = f"{_MARK}{next(_numbers)}"
        dataset = self._batches(
            dataset, slice(0, steps), batch_size, seed, shuffle, (0, known), share, mark
        )
        _counters[mark] = counter
        return dataset

    def epoch(
        self,
        epoch: int,
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
        start: int = 0,
        stop: int | None = None,
        drop_remainder: bool = True,
        share: tuple[int, int] = (0, 1),
    ) -> tf.data.Dataset:
        """Make a dataset of exactly the batches start..stop-1 of one epoch.

        Every iteration over it gives the same batches, those that `stream` gives at these
        positions of this epoch while that follows numpy's order. A training that was killed inside
        an epoch goes on from here.

        Args:
            epoch: which epoch, from 0.
            batch_size: as in `stream`; so are `seed`, `shuffle`, `drop_remainder` and `share`.
            seed: see `stream`.
            shuffle: see `stream`.
            start: first batch, 0 <= start < stop.
            stop: one past the last batch, at most `steps_per_epoch`, which is the default.
            drop_remainder: see `stream`.
            share: see `stream`.

        Returns:
            Finite dataset of `stop - start` batches as in `stream`.

        Raises:
            SettingError: a range that does not lie inside the epoch.
        """
        import tensorflow as tf

        steps = self.steps_per_epoch(batch_size, drop_remainder)
        stop = steps if stop is None else stop
        if not 0 <= start < stop <= steps:
            raise SettingError(
                f"batches {start} to {stop} of an epoch that has {steps}; expected "
                f"0 <= start < stop <= {steps}."
            )
        if epoch < 0:
            raise SettingError(f"epoch is {epoch}; expected 0 or more.")
        dataset = tf.data.Dataset.from_tensors(np.int64(epoch))
        return self._batches(
            dataset,
            slice(start, stop),
            batch_size,
            seed,
            shuffle,
            (epoch, epoch + 1),
            share,
        )

    def _batches(
        self,
        epochs: tf.data.Dataset,
        part: slice,
        batch_size: int,
        seed: int,
        shuffle: bool,
        known: tuple[int, int],
        share: tuple[int, int],
        mark: str | None = None,
    ) -> tf.data.Dataset:
        """Turn a dataset of epochs into a part of their batches; `known` are those of the table."""
        import tensorflow as tf

        if int(seed) != seed or seed < 0:
            raise SettingError(f"seed is {seed!r}; expected a non-negative integer.")
        index, count = share
        if not 0 <= index < count or batch_size % count:
            raise SettingError(
                f"share {index} of {count} with batch_size {batch_size}: expected 0 <= index < "
                "count and a batch that the workers can share evenly."
            )
        size, own = len(self), batch_size // count
        first, last = known
        images, labels = tf.constant(self.images), tf.constant(self.labels)
        table = None
        if shuffle:
            orders = [self.order(epoch, seed=seed).astype(np.int32) for epoch in range(first, last)]
            table = tf.constant(np.concatenate(orders))

        begin, end = part.start * batch_size, min(part.stop * batch_size, size)
        whole = (end - begin) // batch_size * batch_size
        first_own, last_own = index * own, (index + 1) * own

        def order(epoch):
            """The part's indices; made once an epoch, so that a step only gathers its own."""
            places = tf.range(begin, end, dtype=tf.int64)
            if table is None:
                return places
            return tf.cond(
                epoch < last,
                lambda: tf.cast(tf.gather(table, (epoch - first) * size + places), tf.int64),
                lambda: _index_shuffle(places, seed, epoch, size),
            )

        def rows(epoch):
            indices = tf.ensure_shape(order(epoch), (end - begin,))
            steps = tf.reshape(indices[:whole], (-1, batch_size))[:, first_own:last_own]
            batches = tf.data.Dataset.from_tensor_slices(steps)
            if whole < end - begin:
                rest = indices[whole:][first_own:last_own]
                batches = batches.concatenate(tf.data.Dataset.from_tensors(rest))
            return batches

        def batch(indices):
            return tf.gather(images, indices), tf.gather(labels, indices)

        steps = part.stop - part.start
        dataset = epochs.flat_map(rows).map(batch)
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(_PREFETCH)
        options = tf.data.Options()
        options.deterministic = True
        # Iterators are warmed up by nobody: see the comment on the counter.
        options.experimental_warm_start = False
        # TensorFlow 2.21 now and then waits for good for the thread that tunes an iterator when a
        # process exits with a half-read one. There is nothing to tune here: no step is parallel.
        options.autotune.enabled = False
        if mark is not None:
            options.framework_type = [mark]
        return dataset.with_options(options)


def _index_shuffle(places: tf.Tensor, seed: int, epoch: tf.Tensor, size: int) -> tf.Tensor:
    """Return where a pseudo-random permutation of 0..size-1, keyed by seed and epoch, sends places.

    Source:
        TensorFlow's `index_shuffle`, a block cipher over the indices (Simon, Beaulieu et al. 2013).
    """
    import tensorflow as tf

    key = tf.stack([tf.constant(seed % 2**63, tf.int64), tf.cast(epoch, tf.int64)])
    return tf.random.experimental.index_shuffle(places, key, tf.constant(size - 1, places.dtype))


def set_epoch(dataset, epoch: int) -> bool:
    """Decide which epoch the next iteration over a dataset from `load` or `stream` gives.

    Later iterations count on from there. Also found behind transformations of such a dataset, as
    in `load("mnist").map(augment)`: its mark is among the dataset's options.

    Args:
        dataset: any object, usually a `tf.data.Dataset`.
        epoch: 0 or more.

    Returns:
        `True` if the dataset is one of ours and was set, `False` otherwise.

    Raises:
        SettingError: a negative epoch.
    """
    if epoch < 0:
        raise SettingError(f"epoch is {epoch}; expected 0 or more.")
    options = getattr(dataset, "options", None)
    marks = options().framework_type if callable(options) else None
    found = [_counters[mark] for mark in marks or () if mark in _counters]
    for counter in found:
        counter.assign(epoch)
    return bool(found)
