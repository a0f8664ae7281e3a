"""The minimax game of 2014 on a finite set of cells: D*, V(G, D), C(G)."""

from __future__ import annotations

import math

import numpy as np

from tfgan_survey.theory.distances import check_masses, expected_log, jensen_shannon


def optimal_discriminator(
    p: np.ndarray, q: np.ndarray, real_target: float = 1.0, fake_target: float = 0.0
) -> np.ndarray:
    """Return the D that is best against a fixed generator.

    Formula:
        D*(x) = p(x) / (p(x) + q(x));  with targets: (t_r p + t_f q) / (p + q)

    Why:
        the cross-entropy is linear in the targets, so flipping labels with probability e is
        in expectation smoothing both sides, t_r = 1 - e and t_f = e: at e = 1/2, D* = 1/2
        everywhere and nothing is learnt. One-sided smoothing scales D* and keeps its shape;
        t_f > 0 adds q to it, which rewards G for staying where it is. A target above 1 asks
        for D* > 1 where p is large: no score reaches it, the loss falls without end.

    Args:
        p: probabilities of the data, shape `(n,)`.
        q: probabilities of the generator, shape `(n,)`.
        real_target: t_r, as in `objectives.minimax.Minimax`.
        fake_target: t_f.

    Returns:
        float64 `(n,)`; NaN where neither has mass; above 1 where a target above 1 asks for it.

    Source:
        Goodfellow et al. 2014, arXiv:1406.2661, Proposition 1; with targets Salimans et al. 2016,
        arXiv:1606.03498, section 3.4.
    """
    p, q = check_masses(p, q)
    with np.errstate(invalid="ignore"):
        return (real_target * p + fake_target * q) / (p + q)


def game_value(p: np.ndarray, q: np.ndarray, d: np.ndarray) -> float:
    """Return V(G, D) = E_p[log D] + E_q[log(1 - D)], at most 0.

    Args:
        p: probabilities of the data, shape `(n,)`.
        q: probabilities of the generator, shape `(n,)`.
        d: probabilities of "real", shape `(n,)`, in [0, 1].

    Source:
        Goodfellow et al. 2014, arXiv:1406.2661, Eq. 1.
    """
    p, q = check_masses(p, q)
    return expected_log(p, d) + expected_log(q, 1.0 - np.asarray(d, np.float64))


def generator_value(p: np.ndarray, q: np.ndarray) -> float:
    """Return C(G) = max over D of V(G, D), from -log 4 to 0.

    Formula:
        C(G) = -log 4 + 2 JS(p, q)

    Args:
        p: probabilities of the data, shape `(n,)`.
        q: probabilities of the generator, shape `(n,)`.

    Source:
        Goodfellow et al. 2014, arXiv:1406.2661, Theorem 1, Eq. 6.
    """
    return -math.log(4) + 2 * jensen_shannon(p, q)
