"""Arithmetic of latents: means of those whose samples show a class, their sums and differences."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property, lru_cache

import numpy as np

from tfgan_survey.errors import SettingError
from tfgan_survey.evaluation.target import Target
from tfgan_survey.metrics.features import NUM_CLASSES, Features
from tfgan_survey.metrics.needs import CLASSIFIED, has_classifier

EXEMPLARS = 3
"""Published: latents of a mean."""
REACH = 0.25
"""Published: half-width of the uniform noise that the result's neighbours have."""
SIDE = 3
_DRAWN = 2_000
_CONFIDENT = 0.9
# Every class is in one of these at least, as first, second or third.
EQUATIONS = ((7, 1, 4), (9, 3, 6), (1, 5, 8), (3, 7, 0), (5, 9, 2))


def lacks_arithmetic(target: Target) -> str | None:
    """Return what a target that can sample lacks for this, or None.

    Args:
        target: what is looked at.
    """
    if target.subject.model.spec.conditional:
        return "an unconditional model: where labels are told, latents hold no classes"
    return has_classifier(dataclasses.replace(target.given, shape=target.subject.shape))


def lacks_classes(target: Target) -> str | None:
    """Return what a target lacks for the picture, or None; it is sampled where it has the rest.

    Args:
        target: see `lacks_arithmetic`.
    """
    if (reason := lacks_arithmetic(target)) is not None:
        return reason
    made = arithmetic(target)
    return None if made.blocks else made.too_few


def class_means(
    latents: np.ndarray,
    probabilities: np.ndarray,
    exemplars: int = EXEMPLARS,
    num: int = SIDE * SIDE,
    confident: float = _CONFIDENT,
) -> dict[int, np.ndarray]:
    """Return means of latents by the class that their samples show.

    Formula:
        row i of class k: (z_a + z_b + z_c) / 3, the latents 3 i, 3 i + 1, 3 i + 2 of those with
        p(k | G(z)) >= confident, in their order

    Why:
        One latent holds much besides its class; a mean of several holds what they have in common.

    Args:
        latents: float `(n, latent_dim)`.
        probabilities: of the classes of their samples, `(n, classes)`.
        exemplars: latents of a mean.
        num: means of a class.
        confident: least probability of the class that a latent counts for.

    Returns:
        Class to float32 `(num, latent_dim)`; a class with fewer than `num * exemplars` such latents
        is left out.
    """
    labels = probabilities.argmax(axis=1)
    sure = probabilities.max(axis=1) >= confident
    means = {}
    for label in range(probabilities.shape[1]):
        chosen = latents[sure & (labels == label)][: num * exemplars]
        if len(chosen) == num * exemplars:
            means[label] = chosen.reshape(num, exemplars, -1).mean(axis=1).astype(np.float32)
    return means


def neighbourhood(latent: np.ndarray, seed: int, reach: float = REACH) -> np.ndarray:
    """Return a latent in the middle of eight that noise was added to.

    Formula:
        row 4: z; the other rows: z + u,  u ~ U(-reach, reach) for each number

    Args:
        latent: float `(latent_dim,)`.
        seed: of the noise.
        reach: its half-width.

    Returns:
        float32 `(9, latent_dim)`, a square of three rows laid out in one.
    """
    rng = np.random.default_rng(seed)
    noise = rng.uniform(-reach, reach, (SIDE * SIDE, len(latent)))
    noise[len(noise) // 2] = 0.0
    return (latent + noise).astype(np.float32)


class Arithmetic:
    """Samples of class means of latents, and of A - B + C.

    Why:
        If the latent of "7" minus that of "1" plus that of "4" still gives a digit, latents lie so
        that directions mean something. No figure is chosen: the latents are those of the first
        2,000 seeds, the classes what the shipped classifier says of their samples.

    Args:
        target: an unconditional model that samples, of a data set with a shipped classifier.

    Raises:
        SettingError: the target lacks something, see `lacks_arithmetic`.

    Source:
        Radford et al. 2016, arXiv:1511.06434, section 6.3.2 and figure 7. Departures: exemplars by
        a classifier instead of by hand.
    """

    def __init__(self, target: Target):
        if (reason := lacks_arithmetic(target)) is not None:
            raise SettingError(f"{target.path}: arithmetic of latents needs {reason}.")
        self.target = target
        self._features = Features(CLASSIFIED[target.dataset])

    @cached_property
    def means(self) -> dict[int, np.ndarray]:
        """Nine means of each class that the model shows often enough, see `class_means`."""
        latents = self.target.subject.latents(self.target.seed, _DRAWN)
        samples = self.target.subject.decode(latents)
        return class_means(latents, self._features.probabilities(samples))

    @property
    def too_few(self) -> str:
        """What samples lack where there is no equation, in words."""
        return (
            f"samples that show their classes: of {_DRAWN:,} the classifier is sure of "
            f"{SIDE * SIDE * EXEMPLARS} or more in {len(self.means)} of {NUM_CLASSES} classes only"
        )

    @cached_property
    def blocks(self) -> Mapping[tuple[int, int, int], np.ndarray]:
        """Equation to images float32 `(4, 9, h, w, c)`: A, B and C, and what comes of them.

        Nine means each; the one in the middle enters the equation, and its result is in the middle
        of its eight neighbours.
        """
        made = {}
        for equation in EQUATIONS:
            if not set(equation) <= set(self.means):
                continue
            parts = [self.means[label] for label in equation]
            a, b, c = (part[len(part) // 2] for part in parts)
            latents = np.concatenate([*parts, neighbourhood(a - b + c, self.target.seed)])
            images = self.target.subject.decode(latents)
            made[equation] = images.reshape(4, SIDE * SIDE, *images.shape[1:])
        return made

    @property
    def said(self) -> str:
        """What the picture shows, in words."""
        return (
            f"In each of the first three squares nine means of {EXEMPLARS} latents, whose samples "
            f"the classifier is sure of; of all means {self.recognised():.0%} are taken for their "
            "class. The middle ones are added and subtracted: in the middle of the last square is "
            f"the result, around it neighbours with noise of up to {REACH} in every number. "
            f"Latents of the first {_DRAWN:,} seeds, not chosen."
        )

    def recognised(self) -> float:
        """Return the share of means whose sample the classifier takes for their class.

        Raises:
            SettingError: no class has means.
        """
        if not self.means:
            raise SettingError(f"{self.target.path}: means need {self.too_few}.")
        images = self.target.subject.decode(np.concatenate(list(self.means.values())))
        labels = np.repeat(list(self.means), SIDE * SIDE)
        return float((self._features.predict(images) == labels).mean())

    def result(self, equation: tuple[int, int, int]) -> int:
        """Return the class that the classifier takes the middle of a result for.

        Args:
            equation: a key of `blocks`.
        """
        return int(self._features.predict(self.blocks[equation][3, [SIDE * SIDE // 2]])[0])


@lru_cache(1)
def arithmetic(target: Target) -> Arithmetic:
    """Return the arithmetic of a target; the last one is kept, so that it is sampled once.

    Args:
        target: see `Arithmetic`.
    """
    return Arithmetic(target)


def tiled(blocks: np.ndarray) -> np.ndarray:
    """Return each nine images as one of three times their sides.

    Args:
        blocks: `(n, 9, height, width, channels)`.

    Returns:
        `(n, 3 * height, 3 * width, channels)`.
    """
    n, _, height, width, channels = blocks.shape
    square = blocks.reshape(n, SIDE, SIDE, height, width, channels)
    return square.swapaxes(2, 3).reshape(n, SIDE * height, SIDE * width, channels)
