"""Data of known density: Gaussian mixtures, and points drawn from them as a data set."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfgan_survey.data import splits
from tfgan_survey.data.examples import ExampleSet
from tfgan_survey.errors import SettingError


class GaussianMixture:
    """Mixture of isotropic Gaussians.

    Formula:
        p(x) = sum_k weights_k * N(x; means_k, sigma_k^2 I)

    Why:
        modes that can be counted and a density that a GAN's samples can be scored against.

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
        return self.sample_modes(num, seed)[0]

    def sample_modes(self, num: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Draw points and the modes that they come from.

        Args:
            num: how many.
            seed: as in `sample`, which gives the same points.

        Returns:
            float32 `(num, dimensions)` and int32 `(num,)` in 0..modes-1.
        """
        generator = np.random.default_rng(seed)
        chosen = generator.choice(len(self.modes), size=num, p=self.weights)
        noise = generator.standard_normal((num, self.dimensions))
        points = self.modes[chosen] + self.sigma[chosen, None] * noise
        return points.astype(np.float32), chosen.astype(np.int32)

    def log_density(self, x) -> np.ndarray:
        """Return log p(x), exact and without underflow far from every mode.

        Formula:
            logsumexp_k [ log w_k - d/2 log(2 pi sigma_k^2) - |x - m_k|^2 / (2 sigma_k^2) ]

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

    Formula:
        means_k = radius * (cos(2 pi k / modes), sin(2 pi k / modes))

    Args:
        modes: number of Gaussians, default 8.
        radius: of the circle, default 1.
        sigma: standard deviation of each mode, default 0.01.

    Source:
        VEEGAN (Srivastava et al. 2017, arXiv:1705.07761) and PacGAN (Lin et al. 2018,
        arXiv:1712.04086): 8 modes, radius 1, sigma 0.01, equal weights.
    """
    angles = 2 * np.pi * np.arange(modes) / modes
    return GaussianMixture(radius * np.stack([np.cos(angles), np.sin(angles)], axis=1), sigma)


def grid(side: int = 5, spacing: float = 2.0, sigma: float = 0.05) -> GaussianMixture:
    """Build the 2-D grid: `side` x `side` Gaussians centred on the origin.

    Formula:
        means on {-spacing (side - 1) / 2, ..., spacing (side - 1) / 2}^2

    Args:
        side: Gaussians in a row, default 5.
        spacing: between neighbours, default 2.
        sigma: standard deviation of each mode, default 0.05.

    Source:
        VEEGAN and PacGAN as for `ring`: {-4, -2, 0, 2, 4}^2, sigma 0.05, equal weights.
    """
    axis = spacing * (np.arange(side) - (side - 1) / 2)
    return GaussianMixture(np.stack(np.meshgrid(axis, axis), axis=2).reshape(-1, 2), sigma)


MIXTURES = {"ring": ring, "grid": grid}
"""The mixtures that are data sets, by name."""

# Split -> (points, seed). The published protocol trains on 100,000.
_SPLITS = {"train": (100_000, 0), "test": (10_000, 1)}


@dataclasses.dataclass(frozen=True, eq=False)
class PointSet(ExampleSet):
    """Points of a mixture with the modes that they come from as labels.

    Args:
        name: data set and split, for messages.
        images: float32, shape `(n, dimensions)`, in the mixture's own units.
        labels: int32, shape `(n,)`, the mode of each point.
        num_classes: number of modes.
        class_names: `num_classes` names.

    Raises:
        ValueError: dtype or shape differs; the message names what came.
    """

    def __post_init__(self):
        points = self.images
        if points.dtype != np.float32 or points.ndim != 2 or not np.isfinite(points).all():
            raise ValueError(
                f"{self.name}: points are {points.dtype} {points.shape}; expected finite float32 "
                "(n, dimensions)."
            )
        super().__post_init__()


def mixture_points(name: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Draw the splits of a mixture's data set, the same points every time.

    Args:
        name: key of `MIXTURES`.

    Returns:
        Split to points float32 `(n, 2)` and modes int32 `(n,)`: 100,000 in `train`, 10,000 in
        `test`.
    """
    mixture = MIXTURES[name]()
    return {split: mixture.sample_modes(num, seed) for split, (num, seed) in _SPLITS.items()}


@dataclasses.dataclass(frozen=True)
class MixtureSet:
    """The points of a mixture as a data set.

    Args:
        name: key of `MIXTURES`.
    """

    name: str

    def prepare(self):
        """Say that there is nothing to prepare.

        Raises:
            SettingError: always.
        """
        raise SettingError(f"{self.name} is drawn where it is used: there is nothing to prepare.")

    def read(self, split: str) -> PointSet:
        """Draw a split.

        Args:
            split: see `tfgan_survey.data.load_arrays`.
        """
        points, modes = splits.take(mixture_points(self.name), split)
        names = tuple(str(mode) for mode in range(len(MIXTURES[self.name]().modes)))
        return PointSet(f"{self.name} {split}", points, modes, len(names), names)
