"""How translators between two domains do: the way back, classes kept, nearness to the target."""

from __future__ import annotations

import numpy as np

from tfgan_survey.metrics.base import HIGHER, LOWER, Metric, yields
from tfgan_survey.metrics.bench import Bench
from tfgan_survey.metrics.common import Estimate, Measurement, check_images, mean_estimate, to_unit
from tfgan_survey.metrics.needs import CLASSIFIED, CLASSIFIER_SHAPE, Given, has_images

WAYS = {"a2b": ("a", "b"), "b2a": ("b", "a")}
NOISE = 2.0 / 255.0
"""Standard deviation of noise that nobody sees."""


def has_two_domains(given: Given) -> str | None:
    """Need a set of two domains.

    Args:
        given: what is at hand.
    """
    return None if given.domains == 2 else f"data of two domains; {given.dataset} is one."


def known_domains(given: Given) -> str | None:
    """Need a domain whose digits or clothes a shipped classifier knows.

    Args:
        given: what is at hand.
    """
    if any(name in CLASSIFIED for name in given.dataset.split(",")):
        return None
    return f"a domain that a classifier is shipped for ({', '.join(CLASSIFIED)})."


def cycle_error(images: np.ndarray, back: np.ndarray) -> Estimate:
    """Mean over images of the mean absolute error of the way there and back.

    Formula:
        mean_i mean_p |back_ip - x_ip|, pixels in [0, 1]

    Args:
        images: uint8 or floats in [0, 1], `(n, h, w, c)`.
        back: what came back, of the same shape.

    Returns:
        0 to 1, with its standard error over images.

    Raises:
        ValueError: wrong range, shape or type, NaN values.

    Source:
        Zhu et al. 2017, arXiv:1703.10593, Eq. 2.
    """
    x, y = (to_unit(check_images(one)) for one in (images, back))
    return mean_estimate(np.abs(x - y).mean(axis=(1, 2, 3)))


class CycleErrorMetric(Metric):
    """Mean absolute error of test images translated there and back, also through faint noise."""

    name = "cycle_error"
    judges = "translate"
    outcomes = yields(cycle_error=LOWER, cycle_error_noise=LOWER)
    needs = (has_images, has_two_domains)
    default = 110

    def measure(self, bench: Bench) -> list[Measurement]:
        """Measure both ways; a message hidden in faint detail does not survive the noise."""
        model, rng = bench.model, np.random.default_rng(bench.seed)
        plain, noisy = {}, {}
        for way, (source, _) in WAYS.items():
            images = getattr(bench.test, source).images
            made = model.translate(images, way)
            plain[way] = cycle_error(images, model.translate(made, way[::-1]))
            noise = rng.normal(0.0, NOISE, made.shape).astype(np.float32)
            seen = np.clip(made + noise, 0.0, 1.0)
            noisy[way] = cycle_error(images, model.translate(seen, way[::-1]))
        num = len(bench.test)
        protocol = "mean absolute difference, pixels in [0, 1], of all test images and their way "
        protocol += "there and back; first a2b, then b2a"
        return [
            bench.compared(
                "cycle_error", {"a2b": plain["a2b"], "b2a": plain["b2a"]}, protocol, num
            ),
            bench.compared(
                "cycle_error_noise", {"a2b": noisy["a2b"], "b2a": noisy["b2a"]},
                f"{protocol}, with normal noise of {NOISE * 255:.0f}/255 on the translations", num,
            ),
        ]  # fmt: skip


class RecognisedMetric(Metric):
    """Share of translated test images whose class the target's own classifier finds."""

    name = "recognised"
    judges = "translate"
    outcomes = yields(recognised=HIGHER)
    needs = (has_images, has_two_domains, known_domains)
    default = 111

    def measure(self, bench: Bench) -> list[Measurement]:
        """Measure towards the first domain that has a classifier; beside it the untranslated."""
        from tfgan_survey.metrics.features import Features

        names = bench.dataset.split(",")
        # From B to A where both are known: A is what a user names first.
        target = next(i for i, name in enumerate(names) if name in CLASSIFIED)
        way = ("b2a", "a2b")[target]
        source, real = (getattr(bench.test, one) for one in WAYS[way])
        features = Features(CLASSIFIED[names[target]])

        def share(images, labels) -> Estimate:
            grey = to_unit(images).mean(axis=-1, keepdims=True)
            if grey.shape[1:] != CLASSIFIER_SHAPE:
                raise ValueError(
                    f"the classifier of {names[target]} sees 28x28; these are {images.shape[1:]}."
                )
            found = features.probabilities(grey.astype(np.float32)).argmax(axis=1)
            return mean_estimate(found == labels)

        found = {way: share(bench.model.translate(source.images, way), source.labels)}
        if bench.with_references:
            if source.images.shape[1:3] == CLASSIFIER_SHAPE[:2]:
                found["untranslated"] = share(source.images, source.labels)
            found["real test images"] = share(real.images, real.labels)
        protocol = (
            f"share of the {len(source)} translated test images ({way}), in grey, whose most "
            f"probable class by the classifier of {names[target]} is their label"
        )
        return [bench.compared("recognised", found, protocol, len(source))]


class TranslationDistanceMetric(Metric):
    """Kernel distance of Inception features between translated and real test images."""

    name = "translation_distance"
    judges = "translate"
    outcomes = yields(translation_a2b=LOWER, translation_b2a=LOWER)
    needs = (has_images, has_two_domains)
    cost = "minutes"

    def measure(self, bench: Bench) -> list[Measurement]:
        """Measure both ways at equal counts; beside it the untranslated, and real with real."""
        from tfgan_survey.metrics.inception_fid import inception_features
        from tfgan_survey.metrics.kernel_distance import kernel_distance

        measured = []
        for way, (first, second) in WAYS.items():
            source, target = (getattr(bench.test, one).images for one in (first, second))
            num = min(len(source), len(target))
            made = bench.model.translate(source[:num], way)
            sets = {way: np.rint(made * 255).astype(np.uint8), "untranslated": source[:num]}
            seen = {
                name: inception_features(one, data_dir=bench.home.data_dir)
                for name, one in (*sets.items(), ("real", target[:num]))
            }
            real = seen.pop("real")
            found = {
                name: kernel_distance(one, real, seed=bench.seed) for name, one in seen.items()
            }
            if bench.with_references:
                half = num // 2
                found["real with real"] = kernel_distance(real[:half], real[half:], seed=bench.seed)
            protocol = (
                f"kernel distance of Inception features, the first {num} test images of each "
                "side, error over blocks"
            )
            measured.append(bench.compared(f"translation_{way}", found, protocol, num))
        return measured
