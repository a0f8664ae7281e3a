"""Mode coverage: how many of the known modes a generator reaches, and how evenly. NumPy only.

Two steps, so that other data can join: something turns samples into one mode id each and a mask of
the good ones (`gaussian_modes` for 2-D mixtures; for stacked digits it would be a classifier that
reads a number), and `mode_coverage` counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tfgan_survey.data.sets.mixtures import MIXTURES
from tfgan_survey.metrics.base import HIGHER, LOWER, Metric, yields
from tfgan_survey.metrics.bench import Bench
from tfgan_survey.metrics.common import Estimate, Measurement, check_pair
from tfgan_survey.metrics.needs import has_density


class ModeCoverage(NamedTuple):
    """Modes reached out of `num_modes`, share of good samples, divergence from even use in nats."""

    modes: int
    num_modes: int
    high_quality: Estimate
    reverse_kl: float
    counts: np.ndarray


def mode_coverage(mode_ids: np.ndarray, high_quality: np.ndarray, num_modes: int) -> ModeCoverage:
    """Count modes, good samples and how evenly the good samples use the modes.

    Formula:
        c_k = number of good samples of mode k; modes = sum_k [c_k >= 1];
        high quality = sum_k c_k / n;
        reverse KL = sum_k p_k log(p_k num_modes), p_k = c_k / sum c (0 log 0 = 0)
    Why:
        the failure that pictures and Frechet distances show late: modes that never occur.
        Reverse KL is 0 for even use and log(num_modes) for one mode; inf if no sample is
        good. A finite sample of an even generator has about (num_modes - 1) / (2 n) of it.

    Args:
        mode_ids: integers in [0, num_modes), shape `(n,)`: the mode that each sample is nearest to.
        high_quality: boolean `(n,)`: whether the sample counts for its mode.
        num_modes: number of modes, at least 1.

    Returns:
        Modes, num_modes, share of good samples with its binomial standard error, reverse KL in
        nats, and the counts c int64 `(num_modes,)`.

    Raises:
        ValueError: no samples, wrong shapes or types, ids out of range.

    Source:
        Srivastava et al. 2017, arXiv:1705.07761, section 4; Lin et al. 2018,
        arXiv:1712.04086, section 4.1, whose code counts good samples only, as here.
    """
    mode_ids, high_quality = np.asarray(mode_ids), np.asarray(high_quality)
    if num_modes < 1:
        raise ValueError(f"num_modes={num_modes}: at least one mode is needed.")
    if mode_ids.ndim != 1 or len(mode_ids) == 0 or mode_ids.dtype.kind not in "iu":
        raise ValueError(
            f"mode_ids is {mode_ids.dtype} of shape {mode_ids.shape}; expected integers (n,)."
        )
    if high_quality.shape != mode_ids.shape or high_quality.dtype != bool:
        raise ValueError(
            f"high_quality is {high_quality.dtype} of shape {high_quality.shape}; expected "
            f"booleans {mode_ids.shape}."
        )
    if mode_ids.min() < 0 or mode_ids.max() >= num_modes:
        raise ValueError(
            f"mode_ids lie in [{mode_ids.min()}, {mode_ids.max()}]; expected 0 to {num_modes - 1}."
        )
    counts = np.bincount(mode_ids[high_quality], minlength=num_modes)
    total = int(counts.sum())
    share = total / len(mode_ids)
    used = counts[counts > 0] / max(total, 1)
    reverse_kl = float((used * np.log(used * num_modes)).sum()) if total else float("inf")
    error = float(np.sqrt(share * (1 - share) / len(mode_ids)))
    # Even use gives 0; rounding must not make it negative.
    return ModeCoverage(
        int((counts > 0).sum()), num_modes, Estimate(share, error), max(reverse_kl, 0.0), counts
    )


def gaussian_modes(
    points: np.ndarray, centres: np.ndarray, deviation: float, width: float = 3.0
) -> tuple[np.ndarray, np.ndarray]:
    """Assign points to the nearest centre of a mixture of equal isotropic Gaussians.

    Formula:
        id_i = argmin_k |x_i - m_k|,  good_i = |x_i - m_(id_i)| < width * deviation
    Why:
        with width 3 in two dimensions, 1 - exp(-9/2) = 98.9 % of true samples are good: the
        ceiling for a perfect generator.

    Args:
        points: real numbers `(n, d)`.
        centres: the modes `(num_modes, d)`.
        deviation: standard deviation of every mode, positive.
        width: in deviations; default 3 from the protocol of ring and grid.

    Returns:
        Mode ids int64 `(n,)` and the boolean mask `(n,)`.

    Raises:
        ValueError: wrong shapes, NaN values, a deviation or width that is not positive.

    Example:
        >>> ids, good = gaussian_modes([[0.0, 0.1]], [[0.0, 0.0], [1.0, 0.0]], 0.05)
        >>> int(ids[0]), bool(good[0])
        (0, True)
    """
    if not (deviation > 0 and width > 0):
        raise ValueError(f"deviation={deviation}, width={width}: both must be positive.")
    points, centres = check_pair(points, centres, "points", "centres", minimum=1)
    distance = np.linalg.norm(points[:, None] - centres[None], axis=2)
    return distance.argmin(axis=1), distance.min(axis=1) < width * deviation


def mixture_coverage(
    points: np.ndarray, centres: np.ndarray, deviation: float, width: float = 3.0
) -> ModeCoverage:
    """Mode coverage of points against a mixture: `gaussian_modes`, then `mode_coverage`.

    The published protocol of ring (8 modes, radius 1, deviation 0.01) and grid (25 modes, deviation
    0.05) scores 2,500 points; the number of modes reached depends on that count.

    Args:
        points: real numbers `(n, d)`.
        centres: the modes `(num_modes, d)`.
        deviation: standard deviation of every mode.
        width: a point is good within so many deviations.

    Returns:
        See `mode_coverage`.

    Raises:
        ValueError: see `gaussian_modes`.
    """
    ids, good = gaussian_modes(points, centres, deviation, width)
    return mode_coverage(ids, good, len(np.asarray(centres)))


def measure_mixture(points: np.ndarray, mixture: Any, seed: int = 0) -> list[Measurement]:
    """Measure samples of a 2-D mixture: modes, share of high-quality points, reverse KL.

    Args:
        points: samples `(n, d)`.
        mixture: `tfgan_survey.data.GaussianMixture` with one deviation for all modes.
        seed: seed of the reference draw from the mixture itself.

    Returns:
        `modes`, `high_quality` and `reverse_kl`, each beside a draw of as many true points.

    Raises:
        ValueError: points of another shape, NaN values.
    """
    centres, deviation = mixture.modes, float(mixture.sigma[0])
    got = mixture_coverage(points, centres, deviation)
    real = mixture_coverage(mixture.sample(len(points), seed=seed), centres, deviation)
    protocol = (
        f"{len(points)} points, {len(centres)} modes, good within 3 deviations of {deviation:g} of "
        "the nearest mode, a mode counts from its first good point, reverse KL of good points"
    )

    def both(read: Callable[[ModeCoverage], tuple]) -> tuple:
        return read(got), read(real)

    found = {
        "modes": both(lambda one: (one.modes, None)),
        "high_quality": both(lambda one: one.high_quality),
        "reverse_kl": both(lambda one: (one.reverse_kl, None)),
    }
    return [
        Measurement(
            name,
            value[0],
            value[1],
            len(points),
            seed,
            protocol,
            (Measurement("true mixture", reference[0], reference[1], len(points), seed, protocol),),
            {"num_modes": len(centres)},
        )
        for name, (value, reference) in found.items()
    ]


class ModeCoverageMetric(Metric):
    """Modes of a mixture that are reached, share of good points, evenness."""

    name = "mode_coverage"
    outcomes = yields(modes=HIGHER, high_quality=HIGHER, reverse_kl=LOWER)
    needs = (has_density,)
    default = 10

    def measure(self, bench: Bench) -> list[Measurement]:
        """Measure all points, beside as many of the mixture itself."""
        return measure_mixture(bench.images, MIXTURES[bench.dataset](), bench.seed)
