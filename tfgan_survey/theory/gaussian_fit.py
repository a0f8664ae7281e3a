"""One Gaussian fitted to a mixture under each f-divergence: the numeric optimum.

The mixture has more shape than a Gaussian can follow, so each divergence settles for another one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from scipy import optimize

from tfgan_survey.data.sets.mixtures import GaussianMixture
from tfgan_survey.objectives.divergences import divergence

# Wide enough that what lies outside changes no divergence of `paper_mixture` by 1e-6.
_GRID = np.linspace(-10.0, 13.0, 4601)
# Spread of a density's log ratio that float64 can square (pearson, neyman) without overflow.
_LOG_RATIO = 300.0


class GaussianFit(NamedTuple):
    """A Gaussian and its divergence from the mixture (for a trained one: the lower bound)."""

    mean: float
    deviation: float
    divergence: float


def paper_mixture() -> GaussianMixture:
    """Return 0.33 N(-1, 0.255^2) + 0.67 N(2, 1.415^2), the mixture of f-GAN's example.

    The paper prints the optima, not the mixture. This one was recovered from them by least squares:
    five parameters meet the printed mean, deviation and divergence of all five optima, 15 numbers,
    within 6e-4 (tested).

    Source:
        Nowozin et al. 2016, arXiv:1606.00709, the univariate mixture example.
    """
    return GaussianMixture([-1.0, 2.0], [0.255, 1.415], [0.33, 0.67])


def gaussian_divergence(
    name: str, mixture: GaussianMixture, mean: float, deviation: float
) -> float:
    """Return D_f(p||q) of a 1-D mixture p and a Gaussian q, by quadrature.

    Formula:
        D_f(p||q) = integral q(x) f(p(x)/q(x)) dx

    Args:
        name: one of `objectives.divergences.DIVERGENCES`.
        mixture: one-dimensional, inside [-10, 13].
        mean: of the Gaussian.
        deviation: of the Gaussian.
    """
    log_q = -(((_GRID - mean) / deviation) ** 2) / 2 - np.log(deviation * np.sqrt(2 * np.pi))
    log_ratio = np.clip(mixture.log_density(_GRID) - log_q, -_LOG_RATIO, _LOG_RATIO)
    values = divergence(name).f(tf.constant(np.exp(log_ratio), tf.float64)).numpy()
    return float(np.trapezoid(np.exp(log_q) * values, _GRID))


def best_gaussian(name: str, mixture: GaussianMixture) -> GaussianFit:
    """Return the Gaussian that minimises D_f(p||q), found numerically.

    Args:
        name: one of `objectives.divergences.DIVERGENCES`.
        mixture: one-dimensional, inside [-10, 13].
    """
    centre = float(mixture.weights @ mixture.modes[:, 0])
    second = float(mixture.weights @ (mixture.modes[:, 0] ** 2 + mixture.sigma**2))

    def loss(parameters):
        return gaussian_divergence(name, mixture, parameters[0], np.exp(parameters[1]))

    found = optimize.minimize(
        loss,
        [centre, np.log(second - centre**2) / 2],
        method="Nelder-Mead",
        options={"xatol": 1e-6, "fatol": 1e-10, "maxiter": 2000},
    )
    return GaussianFit(float(found.x[0]), float(np.exp(found.x[1])), float(found.fun))
