"""One Gaussian fitted to a mixture under each f-divergence: the numeric optimum and a trained GAN.

The mixture has more shape than a Gaussian can follow, so each divergence settles for another one.
"""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from scipy import optimize

from tfgan_survey.data.sets.mixtures import GaussianMixture
from tfgan_survey.models import GAN
from tfgan_survey.objectives.divergences import divergence
from tfgan_survey.objectives.f_divergence import FDivergence
from tfgan_survey.theory.toy import linear_pair, train_recorded

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

    Source: Nowozin et al. 2016, arXiv:1606.00709, the univariate mixture example.
    """
    return GaussianMixture([-1.0, 2.0], [0.255, 1.415], [0.33, 0.67])


def gaussian_divergence(
    name: str, mixture: GaussianMixture, mean: float, deviation: float
) -> float:
    """Return D_f(p||q) of a 1-D mixture p and a Gaussian q, by quadrature.

    Formula:  D_f(p||q) = integral q(x) f(p(x)/q(x)) dx

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


def train_gaussian(
    name: str,
    mixture: GaussianMixture,
    *,
    steps: int = 2000,
    batch_size: int = 1024,
    learning_rate: float = 5e-3,
    seed: int = 0,
) -> GaussianFit:
    """Fit the Gaussian by the package's GAN: x = mean + deviation z against a tanh network.

    Why:      the saddle form, whose two players share one value, and simultaneous updates, as in
              the paper. The learning rate falls to 0 along a cosine: at a constant one the Gaussian
              goes on circling its optimum.

    Args:
        name: one of `objectives.divergences.DIVERGENCES`.
        mixture: one-dimensional, inside [-10, 13].
        steps: of both players.
        batch_size: points a step, real and generated; the paper's 1,024.
        learning_rate: of both Adams at the start.
        seed: the one seed.

    Returns:
        Mean and deviation at the end, and the lower bound of the divergence that the discriminator
        reached, mean over the last tenth of the steps.

    Source: Nowozin et al. 2016, arXiv:1606.00709, univariate mixture example: two hidden layers of
    64 tanh units, batch 1,024. Departure: Adam with a falling rate in place of plain gradient steps
    of 0.01.
    """
    gan = GAN(
        linear_pair([[1.0]], [0.0], output_range=(-10.0, 13.0), seed=seed),
        FDivergence(name, "saddle"),
        simultaneous=True,
        seed=seed,
    )
    gan.compile(*(_adam(learning_rate, steps) for _ in range(2)), jit_compile=steps > 1000)
    points = np.clip(mixture.sample(64 * batch_size, seed=seed), -10.0, 13.0)

    def look(model: GAN):
        scale, shift = model.generator.get_weights()
        total, count = model.loss_means.totals.numpy()[0], model.loss_means.counts.numpy()[0]
        return float(shift[0]), abs(float(scale[0, 0])), float(total), float(count)

    seen = train_recorded(gan, points, steps, look, every=steps // 20, batch_size=batch_size)
    mean, deviation, total, count = seen[-1]
    before = seen[-3]
    return GaussianFit(mean, deviation, -(total - before[2]) / (count - before[3]))


def _adam(learning_rate: float, steps: int) -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps), 0.5)
