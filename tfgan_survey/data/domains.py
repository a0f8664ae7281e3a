"""Two sets of images without pairs as one data set, as translators between domains take them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

import numpy as np

from tfgan_survey.data.images import ImageSet
from tfgan_survey.data.rows import tensor_of
from tfgan_survey.data.stream import Plan, Streamed
from tfgan_survey.errors import DataError, SettingError

# TensorFlow's default of 4 leaves the orders of 60,000 images visibly alike (correlation 0.9
# between neighbouring keys, 0.1 within an order); with 8 nothing is left of it.
_ROUNDS = 16


@dataclasses.dataclass(frozen=True, eq=False)
class UnpairedSet(Streamed):
    """Two domains, each of its own length, size and channels, and each in an order of its own.

    Formula:
        With s = epoch * steps_per_epoch + i the number of a step, and s_d = n_d // batch_size the
        steps that domain d has of its own, d is in its epoch s // s_d at step s % s_d. The order
        of each such epoch is a permutation keyed by (seed, domain, epoch of the domain).
    Why:
        The shorter domain goes on through its own epochs and is not cut short with an epoch of
        the longer one; the two orders differ also where the domains are equally long and sorted
        alike, so that no pair meets by construction.

    Args:
        name: data sets and splits, for messages.
        a: the first domain.
        b: the second domain.

    Raises:
        SettingError: a domain that is no set of images; a DataError: one without any.

    Example:
        >>> digits = load_arrays("mnist_mini,mnist_mini", "train[:5000],train[5000:]")
        >>> len(digits), digits.image_shape
        (5000, ((28, 28, 1), (28, 28, 1)))
    """

    name: str
    a: ImageSet
    b: ImageSet

    def __post_init__(self):
        for one in (self.a, self.b):
            if not isinstance(one, ImageSet):
                kind = "two domains itself" if isinstance(one, UnpairedSet) else "points"
                raise SettingError(f"{one.name} has {kind}; a domain is one set of images.")
            if not len(one):
                raise DataError(f"{one.name} has no images; a domain needs some.")

    @property
    def condition(self) -> None:
        """What is told beside the images: nothing."""

    def __len__(self) -> int:
        return max(len(self.a), len(self.b))

    @property
    def image_shape(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Shapes of an image of `a` and of one of `b`."""
        return self.a.image_shape, self.b.image_shape

    @property
    def extent(self) -> str:
        """How many images there are, for messages."""
        return f"{len(self.a)} and {len(self.b)} images"

    @property
    def images(self) -> np.ndarray:
        """The images of `a`, which is the source where only one domain is looked at."""
        return self.a.images

    @property
    def labels(self) -> np.ndarray:
        """The labels of `a`."""
        return self.a.labels

    @property
    def num_classes(self) -> int | None:
        """Number of classes of `a`."""
        return self.a.num_classes

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes of `a`."""
        return self.a.class_names

    def steps_per_epoch(self, batch_size: int, drop_remainder: bool = True) -> int:
        """Return how many batches one epoch has: those of the longer domain.

        Args:
            batch_size: images in a batch, of each domain.
            drop_remainder: leave out the last, smaller batch of each domain's own epochs.

        Raises:
            SettingError: `batch_size` below 1, or larger than one of the domains while the
                remainder is dropped.
        """
        return max(one.steps_per_epoch(batch_size, drop_remainder) for one in (self.a, self.b))

    def _parts(self, plan: Plan):
        import tensorflow as tf

        per_epoch = self.steps_per_epoch(plan.batch_size, plan.drop_remainder)
        domains = [
            (number, *tensor_of(one.images), len(one),
             one.steps_per_epoch(plan.batch_size, plan.drop_remainder))
            for number, one in enumerate((self.a, self.b))
        ]  # fmt: skip

        def steps(epoch):
            first = epoch * per_epoch
            return tf.data.Dataset.range(first + plan.steps.start, first + plan.steps.stop)

        def batch(step):
            found = []
            for number, images, place, size, own_steps in domains:
                begin = step % own_steps * plan.batch_size
                places = begin + tf.range(plan.own.start, plan.own.stop, dtype=tf.int64)
                if not plan.drop_remainder:
                    places = places[places < size]
                if plan.shuffle:
                    places = _shuffled(places, plan.seed, number, step // own_steps, size)
                found.append(tf.gather(images, place + places))
            return tuple(found)

        return steps, batch


def _shuffled(places, seed: int, domain: int, epoch, size: int):
    """Return where the permutation of 0..size-1 of (seed, domain, epoch) sends places.

    Why:
        The key is drawn by a generator of random numbers: keys that differ in one bit give orders
        that resemble each other.
    Source:
        TensorFlow's `index_shuffle`, a block cipher over the indices (Simon, Beaulieu et al. 2013).
    """
    import tensorflow as tf

    words = tf.stack([tf.constant(seed % 2**63, tf.int64), 2 * epoch + domain])
    key = tf.random.stateless_uniform((3,), words, None, None, tf.int64)
    last = tf.constant(size - 1, places.dtype)
    return tf.raw_ops.RandomIndexShuffle(index=places, seed=key, max_index=last, rounds=_ROUNDS)


def two_names(name: str | os.PathLike) -> tuple[str, str] | None:
    """Return the two data sets that a name with a comma means; None for any other name.

    What exists is a path, comma or not. Where there are several commas, the one counts that leaves
    an existing path, or a name without a comma, on both of its sides.

    Args:
        name: what was given as a data set.

    Raises:
        SettingError: there are not two names, or several ways to read them.
    """
    text = os.fspath(name)
    if isinstance(name, os.PathLike) or "," not in text or _exists(text):
        return None
    words = text.split(",")
    cuts = [(",".join(words[:i]), ",".join(words[i:])) for i in range(1, len(words))]
    pairs = [(a.strip(), b.strip()) for a, b in cuts]
    good = [pair for pair in pairs if all(one and ("," not in one or _exists(one)) for one in pair)]
    if len(good) != 1:
        raise SettingError(
            f"data set {text!r}: expected one name, or two with one comma between them, such as "
            "mnist,own.npz."
        )
    return good[0]


def _exists(text: str) -> bool:
    return os.path.exists(os.path.expanduser(text))


def two_splits(split: str) -> tuple[str, str]:
    """Return the split of each domain: both the same, or those before and after a comma.

    Args:
        split: such as `"train"`, or `"train[:30000],train[30000:]"`.

    Raises:
        SettingError: more than one comma.
    """
    parts = str(split).split(",")
    if len(parts) > 2:
        raise SettingError(
            f"split {split!r} has {len(parts)} parts; expected one for both domains, or one for "
            "each with a comma between them."
        )
    return parts[0], parts[-1]


def of_two_domains(splits: Sequence[str]) -> bool:
    """Return whether split names are those of two domains: `trainA` and `trainB`.

    Args:
        splits: names of the splits of a data set.
    """
    return {"trainA", "trainB"} <= {*splits}


class OneDomain:
    """One domain of a set whose splits are `trainA`, `trainB` and so on, answering as a set does.

    Args:
        folder: answers `counts`, `class_names` and `read`.
        domain: `"A"` or `"B"`.
    """

    def __init__(self, folder, domain: str):
        self._folder, self._domain = folder, domain
        self.class_names = folder.class_names
        self.image_sizes = getattr(folder, "image_sizes", None)
        self.counts = {
            split.removesuffix(domain): count
            for split, count in folder.counts.items()
            if split.endswith(domain)
        }

    def read(
        self, split: str, image_size: int | tuple[int, int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read one whole split of the domain.

        Args:
            split: one of `counts`.
            image_size: see `PreparedFolder.read`.
        """
        return self._folder.read(split + self._domain, image_size)
