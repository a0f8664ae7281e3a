"""Samples and real data side by side, with what several metrics share computed only once."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from sklearn.decomposition import PCA

from tfgan_survey.data.home import DataHome
from tfgan_survey.metrics.common import (
    Estimate,
    Measurement,
    check_images,
    check_labels,
    check_points,
    unit_rows,
)
from tfgan_survey.metrics.needs import CLASSIFIED, is_points

REAL = "real images"
COMPONENTS = 30
"""Principal components that codes are compared with: as many as the deep autoencoder's numbers."""
PRINCIPAL = f"PCA with {COMPONENTS} components"
_MOST_NUMBERS = 2**28  # in a training set whose components are computed: a gigabyte of float32
FEATURES, PROBABILITIES = 0, 1
"""What the classifier makes of an image, see `Bench.judge_looks`."""


class Judged(NamedTuple):
    """The same judgement of samples, of real data and of an untrained generator's samples.

    Args:
        samples: what was said of the samples.
        real: of real data; None where it was not asked.
        untrained: of samples before training, likewise.
    """

    samples: Any
    real: Any = None
    untrained: Any = None

    def each(self, read: Callable[[Any], Any]) -> Judged:
        """Return the three after `read`; what was not asked stays None.

        Args:
            read: from what was said to the part that is wanted.
        """
        return Judged(*(None if one is None else read(one) for one in self))


class Bench:
    """Samples and the real data that they are measured against.

    Args:
        images: samples, uint8 or floats in [0, 1], shape `(n, h, w, c)`; for points `(n, d)`. None
            where only the model is judged, see `Metric.judges`.
        labels: the classes that were asked for, integers `(n,)`; None if unconditional.
        train: real training data with `images`, `labels` and `num_classes` (an `ImageSet`), in the
            original order.
        test: real test data likewise.
        dataset: name of the data set, which names the feature classifier.
        seed: seed of the draws inside the metrics.
        untrained: samples of a generator before training, as reference; None for none.
        untrained_name: what that reference is called.
        with_references: whether to measure real data too; off where only the change counts.
        home: where data sets are kept, and where a metric keeps what took it long.
        model: what the samples are of, for metrics that need more than samples; None for a file.

    `progress`, a function of the share done and of what is being done, may be set for metrics that
    take long.

    Raises:
        ValueError: wrong range, shape or type, NaN values.
    """

    def __init__(
        self,
        images: np.ndarray | None,
        labels: np.ndarray | None,
        train: Any,
        test: Any,
        dataset: str,
        seed: int = 0,
        untrained: np.ndarray | None = None,
        untrained_name: str = "untrained generator",
        with_references: bool = True,
        home: DataHome | None = None,
        model: Any = None,
    ):
        self.train, self.test = train, test
        self.dataset, self.seed = dataset, seed
        self.untrained, self.untrained_name = untrained, untrained_name
        self.with_references, self.home = with_references, home or DataHome()
        self.model = model
        self.progress: Callable[[float, str], None] | None = None
        self._looked_at = 0
        self.images = self.labels = None
        if images is not None:
            self._take(images, labels)

    def _take(self, images: np.ndarray, labels: np.ndarray | None) -> None:
        """Check samples and keep them; nothing has been looked at yet."""
        shape = self.train.images.shape[1:]
        if is_points(shape):
            self.images = check_points(images, "images")
            if images.shape[1:] != shape:
                raise ValueError(
                    f"images are points of {images.shape[1]} numbers; {self.dataset} has "
                    f"{shape[0]}."
                )
        else:
            self.images = check_images(images, "images", shape)
        self.labels = labels
        if labels is not None:
            self.labels = check_labels(labels, len(images), self.train.num_classes, complete=False)

    def with_samples(self, images: np.ndarray, labels: np.ndarray | None) -> Bench:
        """Return a bench of other samples that keeps what was computed of the real data.

        Args:
            images: samples of the same shape.
            labels: their classes, or None.
        """
        other = copy.copy(self)
        vars(other).pop("fake", None)
        other.progress, other._looked_at = None, 0
        other._take(images, labels)
        return other

    def reference(self, compute: Callable[[], Any]) -> Any:
        """Return what `compute` says that real data scores, None without references.

        Args:
            compute: called only where references are wanted.
        """
        return compute() if self.with_references else None

    def judge(
        self,
        function: Callable,
        samples: tuple,
        real: tuple | None = None,
        untrained: tuple | None = None,
    ) -> Judged:
        """Ask the same of samples, of real data and of an untrained generator's samples.

        Args:
            function: the judgement.
            samples: its arguments for the samples.
            real: its arguments for real data, which is asked only where references are wanted;
                None for no reference.
            untrained: its arguments for samples before training; None for no reference.
        """
        return Judged(
            function(*samples),
            None if real is None else self.reference(lambda: function(*real)),
            None if untrained is None else function(*untrained),
        )

    def judge_looks(self, function: Callable, part: int, num: int | None = None) -> Judged:
        """Ask the same of what the classifier makes of the three sets.

        Real data are as many training images as samples.

        Args:
            function: the judgement of rows float32 `(n, d)`.
            part: `FEATURES` or `PROBABILITIES`.
            num: judge so many of each; default: all samples.
        """
        real = slice(len(self.images) if num is None else num)
        return self.judge(
            function,
            (self.fake[part][:num],),
            self.reference(lambda: (self.training[part][real],)),
            None if self.blank is None else (self.blank[part][:num],),
        )

    @cached_property
    def features(self):
        """The feature classifier of the data set."""
        from tfgan_survey.metrics.features import Features

        return Features(CLASSIFIED.get(self.dataset, self.dataset))

    @property
    def network(self) -> str:
        """Which features these are, for protocols."""
        return f"{self.features.dataset} classifier {self.features.sha256[:8]}"

    @cached_property
    def fake(self) -> tuple[np.ndarray, np.ndarray]:
        """Features and probabilities of the samples."""
        return self._look(self.images, "samples")

    @cached_property
    def real(self) -> tuple[np.ndarray, np.ndarray]:
        """Features and probabilities of the test images."""
        return self._look(self.test.images, "test images")

    @cached_property
    def training(self) -> tuple[np.ndarray, np.ndarray]:
        """Features and probabilities of all training images, in seeded random order."""
        features, probabilities = self._look(self.train.images, "training images")
        order = np.random.default_rng(self.seed).permutation(len(features))
        return features[order], probabilities[order]

    @cached_property
    def blank(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Features and probabilities of the untrained generator's samples."""
        if self.untrained is None:
            return None
        return self._look(self.untrained, f"samples of the {self.untrained_name}")

    @cached_property
    def components(self) -> PCA | None:
        """Principal components of the training images; None of too small or too many images."""
        size = int(np.prod(self.train.images.shape[1:]))
        few = min(size, len(self.train.images))
        if few <= COMPONENTS or size * len(self.train.images) > _MOST_NUMBERS:
            return None
        return PCA(COMPONENTS, random_state=0).fit(unit_rows(self.train.images))

    def _look(self, images: np.ndarray, what: str) -> tuple[np.ndarray, np.ndarray]:
        """Return features and probabilities, telling how far the sets are looked through."""
        sets = (self.images, self.test.images, self.train.images, self.untrained)
        total = sum(len(one) for one in sets if one is not None)

        def report(done: int) -> None:
            if self.progress is not None:
                # The metric that asked for the features has its own work still to do.
                share = 0.9 * min((self._looked_at + done) / total, 1.0)
                self.progress(share, f"features of {len(images):,} {what}")

        report(0)
        found = self.features.both(images, report)
        self._looked_at += len(images)
        return found

    def compared(
        self, name: str, found: Mapping[str, Estimate], protocol: str, num: int
    ) -> Measurement:
        """Put a measurement of the model itself together, beside what other things score.

        Args:
            name: one of the outcomes of the metric.
            found: the estimates by name, the model's own first.
            protocol: one sentence from which the number can be repeated.
            num: test images judged.
        """
        value, *beside = (
            Measurement(label, one[0], one[1], num, None, protocol) for label, one in found.items()
        )
        return dataclasses.replace(value, name=name, reference=tuple(beside))

    def measured(
        self,
        name: str,
        found: Judged | tuple[float, float | None],
        protocol: str,
        num: int | None = None,
        **details: Any,
    ) -> Measurement:
        """Put a measurement and its references together.

        Args:
            name: one of the outcomes of the metric.
            found: a value and its standard error (None: not estimated), or a judgement of each
                that begins with these two.
            protocol: one sentence from which the number can be repeated.
            num: samples judged; default: all.
            **details: further numbers by name, JSON types.
        """
        found = found if isinstance(found, Judged) else Judged(found)
        num = len(self.images) if num is None else num

        def measurement(label: str, one: tuple, *rest: Any) -> Measurement:
            return Measurement(label, one[0], one[1], num, self.seed, protocol, *rest)

        named = ((REAL, found.real), (self.untrained_name, found.untrained))
        references = tuple(measurement(label, one) for label, one in named if one is not None)
        return measurement(name, found.samples, references, details)
