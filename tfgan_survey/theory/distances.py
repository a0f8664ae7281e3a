"""Distances between distributions that are exact on a finite set of cells."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import rel_entr, xlogy


class LineDistances(NamedTuple):
    """Four distances of one pair of distributions; logarithms are natural."""

    kl: float
    jensen_shannon: float
    total_variation: float
    wasserstein: float


def cells(log_density: Callable[[np.ndarray], np.ndarray], grid: np.ndarray) -> np.ndarray:
    """Return the probabilities that a density gives to the cells of an even grid.

    Why:
        a grid of masses turns every integral of the theory into a sum without an error of its
        own: statements that hold for all distributions hold for these, to rounding.

    Args:
        log_density: `(n,)` points to log densities, for example `GaussianMixture.log_density`.
        grid: float, shape `(n,)`, centres of the cells, evenly spaced.

    Returns:
        float64, shape `(n,)`, sum 1.
    """
    logs = np.asarray(log_density(np.asarray(grid, np.float64)), np.float64)
    masses = np.exp(logs - logs.max())
    return masses / masses.sum()


def check_masses(p: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both as float64.

    Args:
        p: masses, shape `(n,)`.
        q: masses, shape `(n,)`.

    Raises:
        ValueError: other shapes than `(n,)` twice, negative masses, or a sum other than 1.
    """
    p, q = np.asarray(p, np.float64), np.asarray(q, np.float64)
    if p.ndim != 1 or p.shape != q.shape:
        raise ValueError(f"p has shape {p.shape}, q {q.shape}; expected (n,) for both.")
    for name, masses in (("p", p), ("q", q)):
        if not np.all(masses >= 0) or abs(masses.sum() - 1) > 1e-9:
            raise ValueError(
                f"{name} sums to {masses.sum():g}, least {masses.min():g}; expected probabilities: "
                "divide a density on a grid by its sum."
            )
    return p, q


def kl_divergence(p: np.ndarray, q: np.ndarray) -> float:
    """Return KL(p||q) = sum p log(p/q) in nats; infinite where p has mass and q none.

    Args:
        p: probabilities, shape `(n,)`.
        q: probabilities, shape `(n,)`.
    """
    p, q = check_masses(p, q)
    return float(rel_entr(p, q).sum())


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    """Return the Jensen-Shannon divergence, from 0 to log 2.

    Formula:
        JS = 1/2 KL(p||m) + 1/2 KL(q||m),  m = (p + q) / 2

    Args:
        p: probabilities, shape `(n,)`.
        q: probabilities, shape `(n,)`.
    """
    p, q = check_masses(p, q)
    middle = (p + q) / 2
    return float(rel_entr(p, middle).sum() + rel_entr(q, middle).sum()) / 2


def total_variation(p: np.ndarray, q: np.ndarray) -> float:
    """Return 1/2 sum |p - q|, from 0 to 1.

    Args:
        p: probabilities, shape `(n,)`.
        q: probabilities, shape `(n,)`.
    """
    p, q = check_masses(p, q)
    return float(np.abs(p - q).sum() / 2)


def wasserstein_distance(p: np.ndarray, q: np.ndarray, spacing: float) -> float:
    """Return the earth mover's distance W1 of two distributions on a line.

    Formula:
        W1 = integral |F_p(x) - F_q(x)| dx, F the cumulative distributions

    Args:
        p: probabilities of evenly spaced points, in order, shape `(n,)`.
        q: likewise.
        spacing: distance of two neighbouring points.
    """
    p, q = check_masses(p, q)
    return float(np.abs(np.cumsum(p - q)).sum() * spacing)


def parallel_lines(shift: float) -> LineDistances:
    """Return the distances of two vertical unit segments, `shift` apart.

    Formula:
        p: (0, U),  q: (shift, U),  U ~ Uniform[0, 1]
        shift = 0: all four are 0
        else:      KL = infinity, JS = log 2, total variation = 1, W1 = |shift|

    Why:
        the supports are disjoint for every shift but 0, so JS and total variation are
        constant where the generator has to learn which way to go; W1 says how far it is.

    Args:
        shift: horizontal distance, of either sign.

    Source:
        Arjovsky et al. 2017, arXiv:1701.07875, Example 1.
    """
    apart = shift != 0
    return LineDistances(
        kl=math.inf if apart else 0.0,
        jensen_shannon=math.log(2) if apart else 0.0,
        total_variation=1.0 if apart else 0.0,
        wasserstein=abs(float(shift)),
    )


def expected(masses: np.ndarray, values: np.ndarray) -> float:
    """Return sum masses * values, where cells without mass count nothing, whatever their value.

    Args:
        masses: probabilities, shape `(n,)`.
        values: shape `(n,)`; not looked at where the mass is 0, so they may be infinite there.
    """
    return float(np.where(masses > 0, masses * np.where(masses > 0, values, 0.0), 0.0).sum())


def expected_log(masses: np.ndarray, values: np.ndarray) -> float:
    """Return sum masses log values with 0 log 0 = 0.

    Args:
        masses: probabilities, shape `(n,)`.
        values: at least 0, shape `(n,)`.
    """
    return float(xlogy(masses, values).sum())
