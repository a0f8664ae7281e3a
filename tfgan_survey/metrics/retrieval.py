"""Retrieval by a code: do near images have the same label. NumPy and scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from sklearn.metrics.pairwise import euclidean_distances

from tfgan_survey.metrics.base import HIGHER, Metric, yields
from tfgan_survey.metrics.bench import PRINCIPAL, Bench
from tfgan_survey.metrics.common import (
    Estimate,
    Measurement,
    check_pair,
    mean_estimate,
    unit_rows,
)
from tfgan_survey.metrics.distances import squared_by_differences
from tfgan_survey.metrics.needs import Given, has_classes, has_images

QUERIES = 1000
"""Test images that are looked up, equally many of each class."""
_NEAREST = 10
_CHUNK = 250


class Retrieval(NamedTuple):
    """Share of the same label among the nearest, and mean average precision of the ranking."""

    precision: Estimate
    mean_average_precision: Estimate


def retrieval(
    queries: np.ndarray,
    query_labels: np.ndarray,
    database: np.ndarray,
    labels: np.ndarray,
    k: int = _NEAREST,
    progress: Callable[[float], None] | None = None,
) -> Retrieval:
    """Rank a database by distance to each query; what has the query's label is relevant.

    Formula:
        r_1, r_2, ...: is the i-th nearest relevant, 0 or 1; P_i = (r_1 + ... + r_i) / i;
        precision = P_k; average precision = sum_i r_i P_i / sum_i r_i; means over queries
    Why:
        says whether near codes mean like images, without a classifier in between. Distances are
        Euclidean; on codes of two values, such as 0 and 1, they rank as Hamming distance does.
        Equally distant images keep the database's order, so that copies and short binary codes
        give one number and not one of many.

    Args:
        queries: codes, real numbers `(q, d)`.
        query_labels: integers `(q,)`.
        database: codes that are ranked, real numbers `(n, d)`.
        labels: integers `(n,)`; every label of a query occurs.
        k: how many of the nearest count for the precision.
        progress: called with the share done.

    Returns:
        Both in [0, 1], each with its standard error over queries, the database held fixed.

    Raises:
        ValueError: codes of different width or with NaN values, labels that are not one an image,
            a query whose label the database lacks, k not in 1..n.

    Example:
        >>> found = retrieval([[0.0]], [1], [[0.1], [3.0], [0.5]], [1, 1, 0], k=2)
        >>> round(found.precision.value, 3), round(found.mean_average_precision.value, 3)
        (0.5, 0.833)

    Source:
        Manning et al. 2008, Introduction to Information Retrieval, section 8.4.
    """
    query_labels, labels = np.asarray(query_labels), np.asarray(labels)
    for name, ids, codes in (("query_labels", query_labels, queries), ("labels", labels, database)):
        if ids.shape != (len(codes),) or ids.dtype.kind not in "iu":
            raise ValueError(
                f"{name} is {ids.dtype} of shape {ids.shape}; expected integers ({len(codes)},)."
            )
    missing = np.setdiff1d(query_labels, labels).tolist()
    if missing:
        raise ValueError(
            f"the database has no image of label {', '.join(map(str, missing))}, so nothing is "
            "relevant to such a query; leave these queries out."
        )
    if not 1 <= k <= len(database):
        raise ValueError(f"k={k} must lie between 1 and the {len(database)} images ranked.")
    nearest, average = [], []
    for i, order in zip(range(0, len(queries), _CHUNK), ranked(queries, database), strict=True):
        relevant = labels[order] == query_labels[i : i + _CHUNK, None]
        nearest.append(relevant[:, :k].mean(axis=1))
        places = [np.flatnonzero(row) + 1 for row in relevant]
        average += [np.mean(np.arange(1, len(row) + 1) / row) for row in places]
        if progress is not None:
            progress(min(1.0, (i + _CHUNK) / len(queries)))
    return Retrieval(mean_estimate(np.concatenate(nearest)), mean_estimate(average))


def ranked(queries: np.ndarray, database: np.ndarray) -> Iterator[np.ndarray]:
    """Yield for up to 250 queries at a time all rows of the database, the nearest first.

    Distances are computed in float64 and compared in float32, so that copies are equally far
    whatever their last bits; equal ones come in the order of the database. Products of whole
    numbers, as of pixels 0 to 255 or binary codes, are exact.

    Args:
        queries: real numbers `(q, d)`.
        database: real numbers `(n, d)`, n below 2**31.

    Yields:
        int64 `(chunk, n)`, indices into the database.

    Raises:
        ValueError: see `check_pair`.
    """
    queries, database = check_pair(queries, database, "queries", "database", 1, np.float32)
    places = np.arange(len(database))
    for i in range(0, len(queries), _CHUNK):
        # Of float32 rows scikit-learn computes in float64, block by block.
        squared = euclidean_distances(queries[i : i + _CHUNK], database, squared=True)
        # The bits of floats from 0 on are whole numbers in the same order: distance above, index
        # below is one number an image, and these sort far faster than a stable argsort.
        keys = squared.view(np.int32).astype(np.int64) << 32
        keys |= places
        keys.sort(axis=1)
        yield keys & (2**32 - 1)


def nearest(queries: np.ndarray, database: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the k nearest rows of the database, as `ranked` orders them, and how far they are.

    Args:
        queries: real numbers `(q, d)`.
        database: real numbers `(n, d)`.
        k: how many, at most n.

    Returns:
        Euclidean distances float64 `(q, k)`, by differences, and indices int64 `(q, k)`.

    Raises:
        ValueError: see `check_pair`; k not in 1..n.
    """
    if not 1 <= k <= len(database):
        raise ValueError(f"k={k} must lie between 1 and the {len(database)} images ranked.")
    indices = np.concatenate([order[:, :k] for order in ranked(queries, database)])
    squared = squared_by_differences(np.repeat(queries, k, axis=0), database[indices.ravel()])
    return np.sqrt(squared).reshape(indices.shape), indices


def balanced_queries(labels: np.ndarray, classes: np.ndarray, num: int = QUERIES) -> np.ndarray:
    """Draw equally many examples of each class, every time the same.

    Args:
        labels: of the examples, integers `(n,)`.
        classes: the classes that are drawn from.
        num: how many in all, at least one a class; fewer where a class has too few.

    Returns:
        Indices int64, class by class.
    """
    # NumPy keeps this generator's numbers the same for good.
    draw = np.random.RandomState(0)
    each = max(1, num // len(classes))
    members = [np.flatnonzero(labels == one) for one in classes]
    return np.concatenate(
        [draw.choice(found, min(each, len(found)), replace=False) for found in members]
    )


def has_untold_codes(given: Given) -> str | None:
    """Need codes that were not told the label.

    Args:
        given: what is at hand.
    """
    if not given.labelled:
        return None
    return (
        "codes of images alone; this model's encoder is told the label, which would be found or "
        "missed in the code without merit. Leave it out, or train without conditional=true."
    )


class RetrievalMetric(Metric):
    """Do images with near codes have the same label."""

    name = "retrieval"
    judges = "encode"
    outcomes = yields(precision_at_10=HIGHER, retrieval_map=HIGHER)
    needs = (has_images, has_classes, has_untold_codes)
    default = 90
    cost = "half a minute"

    def measure(self, bench: Bench) -> list[Measurement]:
        """Look 1,000 test images up among all training images; references: other codes."""
        train, test = bench.train, bench.test
        classes = np.unique(train.labels)
        chosen = balanced_queries(test.labels, classes)
        codes = {"the model": bench.model.encode}
        if bench.with_references:
            codes["pixels"] = lambda images: images
            if bench.components is not None:
                codes[PRINCIPAL] = lambda images: bench.components.transform(unit_rows(images))
        found = []
        for i, (name, encode) in enumerate(codes.items()):

            def report(share: float, i=i, name=name) -> None:
                if bench.progress is not None:
                    bench.progress((i + share) / len(codes), f"by the codes of {name}")

            report(0.0)
            queries, database = (
                np.asarray(encode(images)).reshape(len(images), -1)
                for images in (test.images[chosen], train.images)
            )
            found.append(
                retrieval(queries, test.labels[chosen], database, train.labels, progress=report)
            )
        protocol = (
            f"{len(chosen)} test images, equally many of each of {len(classes)} classes where "
            "there are enough, drawn by RandomState(0), against "
            f"{len(train.images)} training images; relevant is the same label; Euclidean distance "
            "of codes, for codes of two values in the order of Hamming distance; equal distances "
            "in the data set's order; mean average precision over the whole ranking; error over "
            "test images"
        )
        return [
            bench.compared(name, dict(zip(codes, values, strict=True)), protocol, len(chosen))
            for name, values in zip(self.outcomes, zip(*found, strict=True), strict=True)
        ]
