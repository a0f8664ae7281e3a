"""Examples with labels in original order, streamed as `tf.data` of (examples, labels).

The order of an epoch is a pure function of seed and epoch,
`np.random.default_rng([seed, epoch]).permutation(n)`, so a training that is saved and resumed sees
the same batches as one that never stopped.
"""

from __future__ import annotations

import atexit
import dataclasses
import threading
import time
from typing import TYPE_CHECKING

import numpy as np

from tfgan_survey.errors import SettingError

if TYPE_CHECKING:
    import tensorflow as tf

_ORDER = "_tfgan_survey_epoch_counter"
# Batches made ahead: enough for a training that takes several steps in one call to be fed while
# Python has its turn in between.
_PREFETCH = 16


class _EpochCounter:
    """Which epoch the next iteration gives; shared by the iterators of one dataset."""

    def __init__(self):
        self._lock = threading.Lock()
        self._next = 0

    def set(self, epoch: int) -> None:
        with self._lock:
            self._next = epoch

    def take(self) -> int:
        """Give the epoch of the iteration that begins now and advance."""
        with self._lock:
            epoch = self._next
            self._next += 1
        return epoch


class _Exit:
    """Lets pipelines come to rest before the interpreter ends.

    A pipeline that repeats, or that a distribution strategy reads ahead, may ask Python for an
    order while the interpreter is shutting down; the interpreter then waits for the pipeline and
    the pipeline for the interpreter, for good. Nobody takes batches any more at that point, so the
    pipelines' buffers fill and the questions cease within milliseconds.
    """

    _PAUSE, _PAUSES_AT_REST, _PAUSES = 0.01, 3, 200

    def __init__(self):
        self._asked = 0
        self._registered = False

    def register(self) -> None:
        """Begin to watch; called when the first pipeline is made."""
        if not self._registered:
            self._registered = True
            atexit.register(self._rest)

    def ask(self) -> None:
        """Count one question."""
        self._asked += 1

    def _rest(self) -> None:
        at_rest = 0
        for _ in range(self._PAUSES):
            before = self._asked
            time.sleep(self._PAUSE)
            at_rest = at_rest + 1 if self._asked == before else 0
            if at_rest == self._PAUSES_AT_REST:
                return


_EXIT = _Exit()


@dataclasses.dataclass(frozen=True, eq=False)
class ExampleSet:
    """Examples and labels of one split, in original order; images and points share it.

    Args:
        name: data set and split, for messages.
        images: the examples, shape `(n, ...)`; what they are, a subclass checks.
        labels: int32, shape `(n,)`, in 0..num_classes-1.
        num_classes: number of classes of the data set, also of those absent from this split.
        class_names: `num_classes` names.

    Raises:
        ValueError: dtype or shape differs; the message names what came.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    num_classes: int
    class_names: tuple[str, ...]

    def __post_init__(self):
        images, labels = self.images, self.labels
        if labels.dtype != np.int32 or labels.shape != images.shape[:1]:
            raise ValueError(
                f"{self.name}: labels are {labels.dtype} {labels.shape}; expected int32 "
                f"({len(images)},)."
            )
        if len(self.class_names) != self.num_classes:
            raise ValueError(
                f"{self.name}: {len(self.class_names)} class names for {self.num_classes} classes."
            )
        if len(labels) and not 0 <= labels.min() <= labels.max() < self.num_classes:
            raise ValueError(
                f"{self.name}: labels run from {labels.min()} to {labels.max()}; expected "
                f"0..{self.num_classes - 1}."
            )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        return self.images.shape[1:]

    def steps_per_epoch(self, batch_size: int, drop_remainder: bool = True) -> int:
        """Return how many batches one epoch has.

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

    def order(self, epoch: int, *, seed: int = 0, shuffle: bool = True) -> np.ndarray:
        """Return the indices in the order in which an epoch visits them.

        Formula:  default_rng([seed, epoch]).permutation(n), or 0..n-1 without shuffling.
        """
        if not shuffle:
            return np.arange(len(self))
        return np.random.default_rng([seed, epoch]).permutation(len(self))

    def stream(
        self,
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
        drop_remainder: bool = True,
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

        Returns:
            Dataset of (uint8 `(batch, height, width, channels)`, int32 `(batch,)`) with known
            cardinality, deterministic and prefetched.

        Raises:
            SettingError: unusable `batch_size` or `seed`.
        """
        counter = _EpochCounter()
        steps = self.steps_per_epoch(batch_size, drop_remainder)
        dataset = self._batches(
            counter.take, batch_size, seed, shuffle, drop_remainder, slice(0, steps)
        )
        setattr(dataset, _ORDER, counter)
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
    ) -> tf.data.Dataset:
        """Make a dataset of exactly the batches start..stop-1 of one epoch.

        Every iteration over it gives the same batches, those that `stream` gives at these
        positions of this epoch. A training that was killed inside an epoch goes on from here.

        Args:
            epoch: which epoch, from 0.
            batch_size: as in `stream`; so are `seed`, `shuffle` and `drop_remainder`.
            seed: see `stream`.
            shuffle: see `stream`.
            start: first batch, 0 <= start < stop.
            stop: one past the last batch, at most `steps_per_epoch`, which is the default.
            drop_remainder: see `stream`.

        Returns:
            Finite dataset of `stop - start` batches as in `stream`.

        Raises:
            SettingError: a range that does not lie inside the epoch.
        """
        steps = self.steps_per_epoch(batch_size, drop_remainder)
        stop = steps if stop is None else stop
        if not 0 <= start < stop <= steps:
            raise SettingError(
                f"batches {start} to {stop} of an epoch that has {steps}; expected "
                f"0 <= start < stop <= {steps}."
            )
        if epoch < 0:
            raise SettingError(f"epoch is {epoch}; expected 0 or more.")
        return self._batches(
            lambda: epoch, batch_size, seed, shuffle, drop_remainder, slice(start, stop)
        )

    def _batches(self, take_epoch, batch_size, seed, shuffle, drop_remainder, part: slice):
        """Build the pipeline; `take_epoch()` is asked when an iteration's first batch is."""
        import tensorflow as tf

        if int(seed) != seed or seed < 0:
            raise SettingError(f"seed is {seed!r}; expected a non-negative integer.")
        first, last = part.start * batch_size, min(part.stop * batch_size, len(self))
        whole = (last - first) // batch_size * batch_size

        _EXIT.register()

        def permutation():
            _EXIT.ask()
            return self.order(take_epoch(), seed=seed, shuffle=shuffle)[first:last]

        images, labels = tf.constant(self.images), tf.constant(self.labels)

        def rows(indices):
            steps = tf.reshape(indices[:whole], (-1, batch_size))
            batches = tf.data.Dataset.from_tensor_slices(steps)
            if whole < last - first:
                batches = batches.concatenate(tf.data.Dataset.from_tensors(indices[whole:]))
            return batches

        def ask(_):
            indices = tf.numpy_function(permutation, [], tf.int64)
            return tf.ensure_shape(indices, (last - first,))

        # The permutation comes from Python at the first `next`, not at `iter`: Keras creates an
        # iterator at the end of an epoch that it may throw away, and such a one must not count.
        # `from_generator` would do as well, but it calls Python also when an iterator is
        # destroyed, which a process does while it exits: see `_Exit`.
        dataset = (
            tf.data.Dataset.from_tensors(0)
            .map(ask)
            .flat_map(rows)
            .map(lambda indices: (tf.gather(images, indices), tf.gather(labels, indices)))
        )
        dataset = dataset.apply(
            tf.data.experimental.assert_cardinality(part.stop - part.start)
        ).prefetch(_PREFETCH)
        options = tf.data.Options()
        options.deterministic = True
        # Iterators are warmed up by nobody: see the comment on the permutation.
        options.experimental_warm_start = False
        # TensorFlow 2.21 now and then waits for good for the thread that tunes an iterator when a
        # process exits with a half-read one. There is nothing to tune here: no step is parallel.
        options.autotune.enabled = False
        return dataset.with_options(options)


def set_epoch(dataset, epoch: int) -> bool:
    """Decide which epoch the next iteration over a dataset from `load` or `stream` gives.

    Later iterations count on from there. Also found behind transformations of such a dataset, as
    in `load("mnist").map(augment)`.

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
    waiting = [dataset]
    found = False
    while waiting:
        node = waiting.pop()
        counter = getattr(node, _ORDER, None)
        if counter is not None:
            counter.set(int(epoch))
            found = True
            continue
        parents = getattr(node, "_inputs", None)
        if callable(parents):
            waiting.extend(parents())
    return found
