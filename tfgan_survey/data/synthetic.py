"""Toy distributions with known density: Gaussian mixtures in one or two dimensions, numpy only."""

from __future__ import annotations

import numpy as np

from tfgan_survey.errors import SettingError


class GaussianMixture:
    """Mixture of isotropic Gaussians.

    Formula:  p(x) = sum_k weights_k * N(x; means_k, sigma_k^2 I)

    Why:      modes that can be counted and a density that a GAN's samples can be scored against.

    Args:
        means: shape `(modes, dimensions)`, or `(modes,)` for one dimension.
        sigma: standard deviation, positive; one number or shape `(modes,)`.
        weights: probabilities, shape `(modes,)`, non-negative, sum 1; default: all equal.

    Raises:
        SettingError: shapes that do not fit, sigma not positive, weights that do not sum to 1.

    Example:
        >>> mixture = GaussianMixture([-1.0, 1.0], 0.1)
        >>> mixture.sample(5, seed=0).shape
        (5, 1)
    """

    def __init__(self, means, sigma, weights=None):
        means = np.asarray(means, np.float64)
        self.modes = means[:, None] if means.ndim == 1 else means
        if self.modes.ndim != 2 or not self.modes.size:
            raise SettingError(f"means have shape {means.shape}; expected (modes, dimensions).")
        count = len(self.modes)
        sigma = np.asarray(sigma, np.float64)
        if sigma.shape not in ((), (count,)) or not np.all(sigma > 0):
            raise SettingError(
                f"sigma is {sigma.tolist()}; expected a positive number or {count} of them."
            )
        self.sigma = np.broadcast_to(sigma, (count,))
        weights = np.full(count, 1 / count) if weights is None else np.asarray(weights, np.float64)
        if weights.shape != (count,) or np.any(weights < 0) or not np.isclose(weights.sum(), 1):
            raise SettingError(
                f"weights are {weights.tolist()}; expected {count} probabilities that sum to 1."
            )
        self.weights = weights / weights.sum()

    @property
    def dimensions(self) -> int:
        """Length of one point."""
        return self.modes.shape[1]

    def sample(self, num: int, seed: int = 0) -> np.ndarray:
        """Draw points.

        Args:
            num: how many.
            seed: non-negative integer; the same seed gives the same points.

        Returns:
            float32, shape `(num, dimensions)`.
        """
        generator = np.random.default_rng(seed)
        chosen = generator.choice(len(self.modes), size=num, p=self.weights)
        noise = generator.standard_normal((num, self.dimensions))
        return (self.modes[chosen] + self.sigma[chosen, None] * noise).astype(np.float32)

    def log_density(self, x) -> np.ndarray:
        """Return log p(x), exact and without underflow far from every mode.

        Formula:  logsumexp_k [ log w_k - d/2 log(2 pi sigma_k^2) - |x - m_k|^2 / (2 sigma_k^2) ]

        Args:
            x: points, shape `(n, dimensions)`, or `(n,)` in one dimension.

        Returns:
            float64, shape `(n,)`.

        Raises:
            ValueError: points of another dimension.
        """
        points = np.asarray(x, np.float64)
        points = points[:, None] if points.ndim == 1 else points
        if points.ndim != 2 or points.shape[1] != self.dimensions:
            raise ValueError(f"x has shape {np.shape(x)}; expected (n, {self.dimensions}).")
        squared = np.square(points[:, None, :] - self.modes[None]).sum(axis=2)
        variance = np.square(self.sigma)
        with np.errstate(divide="ignore"):
            # A weight of zero is allowed: its logarithm is minus infinity, its share nothing.
            log_weights = np.log(self.weights)
        terms = log_weights - self.dimensions / 2 * np.log(2 * np.pi * variance)
        terms = terms - squared / (2 * variance)
        largest = terms.max(axis=1, keepdims=True)
        return largest[:, 0] + np.log(np.exp(terms - largest).sum(axis=1))


def ring(modes: int = 8, radius: float = 1.0, sigma: float = 0.01) -> GaussianMixture:
    """Build the 2-D ring: Gaussians at equal angles on a circle.

    Formula:  means_k = radius * (cos(2 pi k / modes), sin(2 pi k / modes))

    Source:   VEEGAN (Srivastava et al. 2017, arXiv:1705.07761) and PacGAN (Lin et al. 2018,
        arXiv:1712.04086): 8 modes, radius 1, sigma 0.01, equal weights.
    """
    angles = 2 * np.pi * np.arange(modes) / modes
    return GaussianMixture(radius * np.stack([np.cos(angles), np.sin(angles)], axis=1), sigma)


def grid(side: int = 5, spacing: float = 2.0, sigma: float = 0.05) -> GaussianMixture:
    """Build the 2-D grid: `side` x `side` Gaussians centred on the origin.

    Formula:  means on {-spacing (side - 1) / 2, ..., spacing (side - 1) / 2}^2

    Source:   VEEGAN and PacGAN as for `ring`: {-4, -2, 0, 2, 4}^2, sigma 0.05, equal weights.
    """
    axis = spacing * (np.arange(side) - (side - 1) / 2)
    return GaussianMixture(np.stack(np.meshgrid(axis, axis), axis=2).reshape(-1, 2), sigma)
