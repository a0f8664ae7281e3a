"""Proposition 2 on a grid: p_g descends C(G) and reaches the data."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logsumexp

from tfgan_survey.theory.distances import check_masses, kl_divergence


def descend(
    p: np.ndarray,
    q: np.ndarray,
    updates: int,
    rate: float = 1.0,
    d_steps: int | None = None,
    d_rate: float = 1.0,
) -> np.ndarray:
    """Descend the game in the generator's distribution itself, without networks.

    Formula:
        q <- q (1 - D)^-rate / Z                      one generator update
        D solved:  D = D* = p / (p + q)
        D in k steps:  s <- s + d_rate * 2 (D* - sigmoid(s)), k times, s kept in between

    Why:
        Proposition 2 has a D that is solved at each step and "sufficiently small" updates of
        p_g. The update is mirror descent with entropy, the gradient step that keeps q a
        distribution. C(G) has curvature 1/q - 1/(p+q) <= 1/q, entropy's own, so every rate up
        to 1 is small enough: C falls monotonically and

            2 JS(p, q_k) <= KL(p||q_0) / (rate k)

        (see `convergence_bound`). At rate 1 the step is q <- (p + q)/2, hence
        q_k = p + (q_0 - p)/2^k exactly. With few steps for D, the scores lag behind q and
        the guarantee is gone.

    Args:
        p: probabilities of the data, positive, shape `(n,)`.
        q: the generator's at the start, positive, shape `(n,)`.
        updates: of the generator.
        rate: step size of the generator.
        d_steps: discriminator steps before each update; None solves for D*.
        d_rate: step size of the discriminator; its gradient is taken in L2 of (p + q)/2.

    Returns:
        float64 `(updates + 1, n)`: q at the start and after each update.

    Raises:
        ValueError: masses that are not positive, or counts and rates below their least.

    Source:
        Goodfellow et al. 2014, arXiv:1406.2661, Proposition 2 and Algorithm 1.
    """
    p, q = check_masses(p, q)
    if not (p > 0).all() or not (q > 0).all():
        raise ValueError("p and q must be positive in every cell; take a narrower grid.")
    if updates < 0 or (d_steps is not None and d_steps < 1) or not rate > 0 or not d_rate > 0:
        raise ValueError(
            f"updates={updates}, d_steps={d_steps}, rate={rate}, d_rate={d_rate}: expected at "
            "least 0, at least 1 or None, and positive rates."
        )
    log_p, log_q = np.log(p), np.log(q)
    scores = np.zeros_like(p)
    history = [q]
    for _ in range(updates):
        best = log_p - log_q
        if d_steps is None:
            scores = best
        else:
            for _ in range(d_steps):
                scores = scores + 2 * d_rate * (expit(best) - expit(scores))
        log_q = log_q + rate * np.logaddexp(0.0, scores)  # -log(1 - D) = softplus(s)
        log_q = log_q - logsumexp(log_q)
        history.append(np.exp(log_q))
    return np.array(history)


def convergence_bound(p: np.ndarray, q: np.ndarray, updates: int, rate: float = 1.0) -> np.ndarray:
    """Return the guaranteed ceiling of 2 JS(p, q_k) for k = 1..updates, D solved.

    Formula:
        KL(p||q_0) / (rate k),  rate <= 1

    Args:
        p: probabilities of the data, positive, shape `(n,)`.
        q: the generator's at the start, q_0, positive, shape `(n,)`.
        updates: k of the last bound.
        rate: of the generator, above 0 and up to 1.

    Source:
        mirror descent on a function that is smooth relative to its entropy: Lu, Freund and Nesterov
        2018, arXiv:1610.05708, Theorem 3.1.
    """
    if not 0 < rate <= 1:
        raise ValueError(f"rate={rate}: the bound holds above 0 and up to 1.")
    return kl_divergence(p, q) / (rate * np.arange(1, updates + 1))
