"""Image sets: uint8 arrays in original order, streamed as `tf.data` of (images, labels).

Flow: `load_arrays` reads a split into an `ImageSet`; `ImageSet.stream` makes the shuffled,
prefetched pipeline; `load` does both. Pixels stay uint8 until the training step scales them to the
range that the network pair declares.

The order of an epoch is a pure function of seed and epoch,
`np.random.default_rng([seed, epoch]).permutation(n)`, so a training that is saved and resumed sees
the same batches as one that never stopped.
"""

from __future__ import annotations

import atexit
import dataclasses
import os
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tfgan_survey.data import splits
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
class ImageSet:
    """Images and labels of one split, in original order.

    Args:
        name: data set and split, for messages.
        images: uint8, shape `(n, height, width, channels)`, 0..255, channels 1 or 3.
        labels: int32, shape `(n,)`, in 0..num_classes-1.
        num_classes: number of classes of the data set, also of those absent from this split.
        class_names: `num_classes` names.

    Raises:
        ValueError: dtype or shape differs; the message names what came.

    Example:
        >>> digits = load_arrays("mnist_mini", "test[:100]")
        >>> digits.images.shape, digits.num_classes
        ((100, 28, 28, 1), 10)
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    num_classes: int
    class_names: tuple[str, ...]

    def __post_init__(self):
        images, labels = self.images, self.labels
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3):
            raise ValueError(
                f"{self.name}: images are {images.dtype} {images.shape}; expected uint8 "
                "(n, height, width, 1 or 3)."
            )
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
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.images.shape[1:]

    def resized(self, image_size: int | tuple[int, int]) -> ImageSet:
        """Resize every image with a bilinear filter that is antialiased when it shrinks.

        Args:
            image_size: the side, or `(height, width)`, in pixels, at least 1.

        Returns:
            This set when the size is already right, otherwise a new set, uint8.

        Raises:
            SettingError: a size that is not one or two positive integers.
        """
        size = (image_size, image_size) if np.ndim(image_size) == 0 else tuple(image_size)
        if len(size) != 2 or any(int(s) != s or s < 1 for s in size):
            raise SettingError(
                f"image_size is {image_size!r}; expected a positive integer or (height, width)."
            )
        height, width = (int(s) for s in size)
        if (height, width) == self.image_shape[:2]:
            return self
        channels = self.image_shape[2]
        images = np.empty((len(self), height, width, channels), np.uint8)
        for source, target in zip(self.images, images, strict=True):
            picture = Image.fromarray(source[..., 0] if channels == 1 else source)
            picture = picture.resize((width, height), Image.Resampling.BILINEAR)
            target[...] = np.asarray(picture).reshape(target.shape)
        return dataclasses.replace(self, images=images)

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


def load_arrays(
    name: str,
    split: str = "train",
    *,
    image_size: int | tuple[int, int] | None = None,
    data_dir: str | os.PathLike | None = None,
    source: str = "auto",
) -> ImageSet:
    """Read a split into memory, in original order.

    Args:
        name: `"mnist"`, `"fashion_mnist"`, `"cifar10"`, `"mnist_mini"` (shipped, no network) or
            any TensorFlow Datasets image classification set with 1 or 3 channels.
        split: such as `"train"`, `"train[50000:60000]"`, `"train[:10%]"`, `"train+test"`; slices
            count in the original order (IDX order for MNIST), not in TensorFlow Datasets' own.
        image_size: resize to this side or `(height, width)`; default: as it is.
        data_dir: root of prepared folders; default `$TFDS_DATA_DIR`, else
            `~/tensorflow_datasets`.
        source: where to take a set from that is not prepared yet; see `sources.prepare`.

    Returns:
        The split as an `ImageSet`.

    Raises:
        UnknownNameError: unknown data set or split, with the nearest names.
        SettingError: a slice that is malformed, empty or out of range.
        DataError: the data cannot be had, or is altered.
    """
    if name == "mnist_mini":
        from tfgan_survey.data import mini

        arrays, class_names = mini.read_mini(), tuple("0123456789")
        counts = {key: len(value[1]) for key, value in arrays.items()}
        images, labels = splits.take(arrays, splits.resolve(split, counts))
    else:
        from tfgan_survey.data import prepared, sources

        folder = prepared.PreparedFolder(sources.prepare(name, source, data_dir))
        ranges = splits.resolve(split, folder.counts)
        arrays = {base: folder.read(base, image_size) for base, _, _ in ranges}
        images, labels = splits.take(arrays, ranges)
        class_names = folder.class_names
    result = ImageSet(f"{name} {split}", images, labels, len(class_names), class_names)
    return result if image_size is None else result.resized(image_size)


def load(
    name: str,
    split: str = "train",
    batch_size: int = 128,
    *,
    image_size: int | tuple[int, int] | None = None,
    seed: int = 0,
    shuffle: bool | None = None,
    data_dir: str | os.PathLike | None = None,
    source: str = "auto",
    drop_remainder: bool | None = None,
) -> tf.data.Dataset:
    """Load a split as a prefetched pipeline of (images, labels).

    Args:
        name: see `load_arrays`; so are `split`, `image_size`, `data_dir` and `source`.
        split: see `load_arrays`.
        batch_size: images in a batch.
        image_size: see `load_arrays`.
        seed: with the epoch it determines the order.
        shuffle: default: only where every part of the split is of `train`.
        data_dir: see `load_arrays`.
        source: see `load_arrays`.
        drop_remainder: leave out the last, smaller batch; default: where it shuffles.

    Returns:
        The dataset that `ImageSet.stream` describes.

    Raises:
        UnknownNameError: unknown data set or split.
        SettingError: unusable slice, size, batch size or seed.
        DataError: the data cannot be had, or is altered.

    Example:
        >>> images, labels = next(iter(load("mnist_mini", batch_size=32)))
        >>> images.dtype.name, images.shape.as_list()
        ('uint8', [32, 28, 28, 1])
    """
    image_set = load_arrays(name, split, image_size=image_size, data_dir=data_dir, source=source)
    if shuffle is None:
        bases = {part.split("[")[0].strip() for part in split.split("+")}
        shuffle = bases == {"train"}
    if drop_remainder is None:
        drop_remainder = shuffle
    return image_set.stream(batch_size, seed=seed, shuffle=shuffle, drop_remainder=drop_remainder)
