"""What the generator feels: saturation, and what the log D form really descends."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from tfgan_survey.theory.distances import check_masses, expected, jensen_shannon, kl_divergence


class ScoreGradients(NamedTuple):
    """Derivatives of the generator's two losses by the score."""

    saturating: np.ndarray
    non_saturating: np.ndarray


class LogDGradients(NamedTuple):
    """The log D form beside KL(q||p) - 2 JS; gradients are by (mean, deviation)."""

    still: np.ndarray
    moving: np.ndarray
    claimed: np.ndarray
    value: float
    claimed_value: float
    gap: float


def score_gradients(scores: np.ndarray) -> ScoreGradients:
    """Return the derivatives of log(1 - D) and -log D by the score, D = sigmoid(score).

    Formula:
        d/ds log(1 - D) = -D,   d/ds (-log D) = -(1 - D)

    Why:
        early on D rejects samples with confidence, s << 0: the first vanishes like e^s, the
        second tends to -1. Their ratio is e^-s, 22,000 at s = -10.

    Args:
        scores: of generated examples, any shape.

    Source:
        Goodfellow et al. 2014, arXiv:1406.2661, section 3.
    """
    scores = np.asarray(scores, np.float64)
    return ScoreGradients(-expit(scores), -expit(-scores))


def log_d_gradients(
    grid: np.ndarray, p: np.ndarray, mean: float, deviation: float
) -> LogDGradients:
    """Compare the gradient of E_q[-log D*] with that of KL(q||p) - 2 JS, q a Gaussian.

    Formula:
        E_q[-log D*] = KL(q||p) - 2 JS(p, q) + 2 log 2 + E_p[log D*],   D* = p / (p + q)
        still   = sum dq (-log D*)              D* held fixed while q moves
        claimed = grad of KL(q||p) - 2 JS       = still
        moving  = grad of E_q[-log D*_q]        = still - sum D* dq

    Why:
        "the log D form minimises KL - 2 JS" is true of the gradient with D* held fixed, which
        is the one that training takes. The values differ by the gap 2 log 2 + E_p[log D*],
        and since the gap depends on q, so do the gradients once D* follows q.
        Proof: KL(q||p) - 2 JS = E_q[log(q/p)] - E_q[log q/(p+q)] - E_p[log p/(p+q)] - 2 log 2
        = -E_q[log D*] - E_p[log D*] - 2 log 2. With D* fixed, d(2 JS) = sum dq log q/(p+q),
        because D* is stationary, and log(q/p) - log(q/(p+q)) = -log D*.

    Args:
        grid: centres of the cells, evenly spaced, shape `(n,)`.
        p: probabilities of the data, positive, shape `(n,)`.
        mean: of the generator's Gaussian.
        deviation: of the generator's Gaussian, positive.

    Raises:
        ValueError: cells without data, a grid so wide that q vanishes on it, or a deviation that is
            not positive.

    Source:
        Arjovsky and Bottou 2017, arXiv:1701.04862, Theorem 2.5.
    """
    if not deviation > 0:
        raise ValueError(f"deviation={deviation}: expected above 0.")
    centred = np.asarray(grid, np.float64) - mean
    masses = np.exp(-((centred / deviation) ** 2) / 2)
    p, q = check_masses(p, masses / masses.sum())
    if not (p > 0).all() or not (q > 0).all():
        raise ValueError("p and q must be positive in every cell; take a narrower grid.")
    slopes = np.stack([centred / deviation**2, centred**2 / deviation**3])
    dq = q * (slopes - (slopes * q).sum(axis=1, keepdims=True))  # sums to 0: q stays normalised
    log_d = -np.log1p(q / p)
    still = -dq @ log_d
    # JS's derivative by the definition, JS = 1/2 sum p log(p/m) + 1/2 sum q log(q/m), m = (p+q)/2.
    middle = (p + q) / 2
    d_js = dq @ (np.log(q / middle) + 1 - (p + q) / (2 * middle)) / 2
    d_kl = dq @ (np.log(q / p) + 1)
    return LogDGradients(
        still=still,
        moving=still - dq @ np.exp(log_d),
        claimed=d_kl - 2 * d_js,
        value=-expected(q, log_d),
        claimed_value=kl_divergence(q, p) - 2 * jensen_shannon(p, q),
        gap=2 * math.log(2) + expected(p, log_d),
    )
