"""Test images beside their nearest training images, by pixels and by a model's code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfgan_survey import pictures
from tfgan_survey.data.examples import ExampleSet
from tfgan_survey.errors import SettingError
from tfgan_survey.evaluation.target import Target
from tfgan_survey.metrics.common import unit_rows
from tfgan_survey.metrics.retrieval import nearest

_CLASSES = 10  # that one query each is taken of
_WIDE = 64  # pixels from which on images are not enlarged


@dataclass(frozen=True)
class Retrieved:
    """What was found for some test images.

    Args:
        queries: indices of the test images `(q,)`.
        found: distances float64 and indices int64 of training images, each `(q, num)` and the
            nearest first, under `pixels` and `code`.
        train: the training set.
        test: the test set.
    """

    queries: np.ndarray
    found: Mapping[str, tuple[np.ndarray, np.ndarray]]
    train: ExampleSet
    test: ExampleSet

    def rows(self) -> list[tuple[str, ...]]:
        """Return a heading and a line a rank: index, label where there are any, and distance."""
        label = ["label"] if _classed(self.test) else []
        heading = ["query", *label, "rank"]
        for side in self.found:
            heading += [f"by {side}", *label, "distance"]
        lines = [tuple(heading)]
        num = next(iter(self.found.values()))[1].shape[1]
        for i, query in enumerate(self.queries):
            for rank in range(num):
                line = [*_named(self.test, query), str(rank + 1)]
                for distances, indices in self.found.values():
                    line += [*_named(self.train, indices[i, rank]), f"{distances[i, rank]:.4g}"]
                lines.append(tuple(line))
        return lines

    def strips(self) -> list[tuple[str, np.ndarray]]:
        """Return the query before its nearest, `(num + 1, h, w, c)`, by each side in turn."""
        return [
            (side, np.concatenate([self.test.images[[query]], self.train.images[indices[i]]]))
            for i, query in enumerate(self.queries)
            for side, (_, indices) in self.found.items()
        ]


def retrieve(
    target: str | os.PathLike | Target,
    query: int | None = None,
    num: int = 10,
    output: str | os.PathLike | None = None,
    dataset: str | None = None,
    **home: Any,
) -> Retrieved:
    """Find the training images nearest to a test image, by pixels and by the model's code.

    Why:
        a code that has kept what an image shows, and not where its ink lies, finds images of the
        same kind where pixels find images of the same shape. How good that is on the whole, the
        metric `retrieval` says.

    Args:
        target: a run folder or `.keras` file of a model that can `encode`; a `Target` brings its
            own data set.
        query: index of a test image; default: the first of each class, of ten at most, or the
            first ten where there are no classes.
        num: how many of the nearest.
        output: a PNG to be, two rows a query: the query, then its nearest by pixels; the query,
            then its nearest by code. None: none is written.
        dataset: data set that is searched; default: the run's own.
        **home: `data_dir` and `source`, as for `Target`.

    Returns:
        Indices and Euclidean distances, of pixels in [0, 1] and of codes; equal distances in the
        data set's order. On codes of two values they rank as Hamming distances.

    Raises:
        SettingError: a model that cannot encode, a file of samples, points, a query beyond the test
            set, `num` not in 1 to the number of training images.
        RunError: there is no model to load.
        DataError: the data cannot be had.

    Example:
        >>> retrieve("runs/autoencoder", query=3).found["code"][1]
    """
    if not isinstance(target, Target):
        target = Target(target, dataset, **home)
    _ = target.subject  # first what is missing or no model
    if not target.can("encode"):
        able = " and ".join(sorted(target.given.abilities)) or "nothing that is asked for by name"
        raise SettingError(
            f"{target.path} can {able}; retrieval needs a model that can encode, such as an "
            "autoencoder."
        )
    subject, train, test = target.subject, target.train, target.test
    if target.given.points:
        raise SettingError(f"{target.dataset} has points; retrieval shows images.")
    if not 1 <= num <= len(train):
        raise SettingError(f"num={num}: expected 1 to the {len(train)} training images.")
    queries = _queries(test, query)
    coded = [
        subject.encode(images, labels)
        for images, labels in (
            (test.images[queries], test.labels[queries]),
            (train.images, train.labels),
        )
    ]
    found = {
        "pixels": nearest(unit_rows(test.images[queries]), unit_rows(train.images), num),
        "code": nearest(*coded, num),
    }
    result = Retrieved(queries, found, train, test)
    if output is not None:
        sides, strips = zip(*result.strips(), strict=True)
        scale = 2 if train.image_shape[1] < _WIDE else 1
        pictures.save(pictures.grid(np.concatenate(strips), num + 1, sides, scale), output)
    return result


def _queries(test: ExampleSet, query: int | None) -> np.ndarray:
    if query is not None:
        if not 0 <= query < len(test):
            raise SettingError(f"query={query}: expected 0 to {len(test) - 1}, a test image.")
        return np.array([query])
    if not _classed(test):
        return np.arange(min(_CLASSES, len(test)))
    _, firsts = np.unique(test.labels, return_index=True)
    return firsts[:_CLASSES]


def _classed(examples: ExampleSet) -> bool:
    """Return whether labels say something: pictures without classes are all of one."""
    return len(examples.class_names) > 1


def _named(examples: ExampleSet, index: int) -> list[str]:
    """Return an example's index, and its class where the set has classes."""
    label = [examples.class_names[examples.labels[index]]] if _classed(examples) else []
    return [str(index), *label]
