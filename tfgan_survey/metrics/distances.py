"""Euclidean distances that are exact where a comparison hangs on them. NumPy and scikit-learn.

Products of matrices give all distances fast, by |x|^2 + |y|^2 - 2 x.y, but with a rounding error
that grows with the norms: a copy of a point comes out 1e-7 away from it, outside of a ball of
radius 0 and beside its own border elsewhere. Differences have no such error: the distance of
copies is 0, that of x from y is to the last bit that of y from x. So the products decide what is
clear beyond their error, and differences the rest.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.metrics.pairwise import euclidean_distances

_CHUNK = 1000
_BLOCK = 2**22  # numbers in one array of differences: 32 MB


def squared_by_products(points: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return all squared distances and, for each point, a bound of their rounding error.

    Formula:
        |fl(|x|^2 + |y|^2 - 2 x.y) - |x - y|^2| <= (d + 4) eps (|x| + |y|)^2; twice that is
        returned, for the largest |y|

    Args:
        points: float64 `(n, d)`.
        centres: float64 `(m, d)`.

    Returns:
        float64 `(n, m)` and `(n, 1)`.

    Source:
        Higham 2002, Accuracy and Stability of Numerical Algorithms, section 3.1: an inner product
        of length d has the relative error d eps against the sum of absolute values.
    """
    squared = euclidean_distances(points, centres, squared=True)
    norms, largest = np.linalg.norm(points, axis=1), np.linalg.norm(centres, axis=1).max()
    bound = 2 * (points.shape[1] + 4) * np.finfo(np.float64).eps
    return squared, bound * (norms[:, None] + largest) ** 2


def squared_by_differences(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the squared distances of row i of `a` from row i of `b`, float64 `(n,)`.

    Args:
        a: `(n, d)`.
        b: `(n, d)`.
    """
    size = max(1, _BLOCK // a.shape[1])
    parts = [
        ((a[i : i + size].astype(np.float64) - b[i : i + size]) ** 2).sum(axis=1)
        for i in range(0, len(a), size)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def within(
    points: np.ndarray, centres: np.ndarray, squared_radius: np.ndarray
) -> Iterator[np.ndarray]:
    """Yield boolean `(chunk, m)`: does the closed ball around each centre hold each point.

    Args:
        points: float64 `(n, d)`.
        centres: float64 `(m, d)`.
        squared_radius: float64 `(m,)`, by differences.
    """
    for i in range(0, len(points), _CHUNK):
        part = points[i : i + _CHUNK]
        squared, error = squared_by_products(part, centres)
        squared -= squared_radius
        inside = squared <= error
        # Of those the clear ones are far inside.
        rows, columns = np.nonzero(inside & (squared >= -error))
        exact = squared_by_differences(part[rows], centres[columns])
        inside[rows, columns] = exact <= squared_radius[columns]
        yield inside


def squared_neighbour_radius(points: np.ndarray, k: int) -> np.ndarray:
    """Return each point's squared distance to its k-th nearest other point, float64 `(n,)`.

    Args:
        points: float64 `(n, d)`, n above k.
        k: which neighbour, from 1.
    """
    found = np.empty(len(points))
    for i in range(0, len(points), _CHUNK):
        part = points[i : i + _CHUNK]
        squared, error = squared_by_products(part, points)
        squared[np.arange(len(part)), np.arange(i, i + len(part))] = np.inf
        # What is farther than this for sure cannot be the k-th: 2 errors for both distances.
        limit = np.partition(squared, k - 1, axis=1)[:, k - 1 : k] + 2 * error
        rows, columns = np.nonzero(squared <= limit)
        exact = squared_by_differences(part[rows], points[columns])
        order = np.lexsort((exact, rows))
        begin = np.searchsorted(rows, np.arange(len(part)))
        found[i : i + _CHUNK] = exact[order][begin + k - 1]
    return found
