"""Batches as `tf.data`, in an order that is a pure function of seed and step.

The pipeline computes the order in its own graph: a training that is saved and resumed sees the
same batches as one that never stopped, a worker's share is a slice, and nothing asks Python while
batches are made.
"""

from __future__ import annotations

import abc
import itertools
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tfgan_survey.errors import SettingError

if TYPE_CHECKING:
    import tensorflow as tf

# Batches made ahead: enough for a training that takes several steps in one call to be fed while
# Python has its turn in between.
_PREFETCH = 16
# Which epoch the next iteration gives, by the mark that a pipeline carries in its options, which
# TensorFlow hands on through every transformation.
_MARK = "tfgan_survey/stream/"
_numbers = itertools.count()
_counters: weakref.WeakValueDictionary[str, tf.Variable] = weakref.WeakValueDictionary()


class Plan(NamedTuple):
    """Which batches are made, and of which size.

    Args:
        steps: of an epoch.
        batch_size: images in a batch of all workers.
        own: this worker's slice of each batch.
        seed: of the order.
        shuffle: False for the original order.
        drop_remainder: leave out the last, smaller batch.
        known: the first epoch that is known to come, and the one after the last of these.
    """

    steps: slice
    batch_size: int
    own: slice
    seed: int
    shuffle: bool
    drop_remainder: bool
    known: tuple[int, int]


class Streamed(abc.ABC):
    """What gives batches, epoch by epoch; a subclass says which examples a batch has.

    Attributes:
        name: for messages.
    """

    name: str

    @abc.abstractmethod
    def __len__(self) -> int:
        """Return the number of examples that an epoch visits."""

    @property
    def extent(self) -> str:
        """How many examples there are, for messages."""
        return f"{len(self)} images"

    @abc.abstractmethod
    def _parts(self, plan: Plan) -> tuple[Callable, Callable]:
        """Return two functions of the graph: an epoch to a dataset of its steps, one to a batch."""

    def known_epochs(self) -> int:
        """Return how many epochs of a `stream` without a known end are held in memory."""
        return 1

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

        steps = slice(0, self.steps_per_epoch(batch_size, drop_remainder))
        known = 0, self.known_epochs() if epochs is None else max(1, epochs)
        plan = _plan(steps, batch_size, share, seed, shuffle, drop_remainder, known)
        with tf.device("CPU"):
            counter = tf.Variable(0, dtype=tf.int64, trainable=False, name="epoch")

        # Advanced at the first batch, not when the iterator is made: Keras creates an iterator at
        # the end of an epoch that it may throw away, and such a one must not count.
        def take(_):
            return counter.assign_add(1) - 1

        mark = f"{_MARK}{next(_numbers)}"
        dataset = self._batches(tf.data.Dataset.from_tensors(0).map(take), plan, mark)
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
        part, known = slice(start, stop), (epoch, epoch + 1)
        plan = _plan(part, batch_size, share, seed, shuffle, drop_remainder, known)
        return self._batches(tf.data.Dataset.from_tensors(np.int64(epoch)), plan)

    def _batches(
        self, epochs: tf.data.Dataset, plan: Plan, mark: str | None = None
    ) -> tf.data.Dataset:
        """Turn a dataset of epochs into a part of their batches."""
        import tensorflow as tf

        rows, batch = self._parts(plan)
        steps = plan.steps.stop - plan.steps.start
        dataset = epochs.flat_map(rows).map(batch)
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(_PREFETCH)
        options = tf.data.Options()
        options.deterministic = True
        # Iterators are warmed up by nobody: see the comment on the counter.
        options.experimental_warm_start = False
        # TensorFlow 2.21 now and then waits for good for the thread that tunes an iterator when a
        # process exits with a half-read one. There is nothing to tune here: no step is parallel.
        options.autotune.enabled = False
        if plan.own.stop - plan.own.start < plan.batch_size:
            # Told to `tf.distribute`: this is one worker's share already.
            off = tf.data.experimental.AutoShardPolicy.OFF
            options.experimental_distribute.auto_shard_policy = off
        # The rewriting of the graph would write all examples into it, twice their size in memory,
        # and there is nothing that it could improve.
        options.experimental_optimization.apply_default_optimizations = False
        if mark is not None:
            options.framework_type = [mark]
        return dataset.with_options(options)


def _plan(
    steps: slice,
    batch_size: int,
    share: tuple[int, int],
    seed: int,
    shuffle: bool,
    drop_remainder: bool,
    known: tuple[int, int],
) -> Plan:
    """Return the plan of a worker, checked."""
    if int(seed) != seed or seed < 0:
        raise SettingError(f"seed is {seed!r}; expected a non-negative integer.")
    index, count = share
    if not 0 <= index < count or batch_size % count:
        raise SettingError(
            f"share {index} of {count} with batch_size {batch_size}: expected 0 <= index < "
            "count and a batch that the workers can share evenly."
        )
    size = batch_size // count
    own = slice(index * size, (index + 1) * size)
    return Plan(steps, batch_size, own, seed, shuffle, drop_remainder, known)


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
