"""What was measured, in plain words: how near a model is to real data, and what it lacks.

A number says little without what real data score and how far both are uncertain. Each rule here
compares a measurement with its own references, and says nothing of what was not measured. Sampling
errors count throughout: a difference of up to `SIGMAS` standard errors of the difference is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from tfgan_survey.evaluation.output import format_value
from tfgan_survey.metrics import Measurement
from tfgan_survey.metrics.bench import PRINCIPAL, REAL
from tfgan_survey.metrics.choice import better_direction

GOOD, FAIR, POOR = "good", "fair", "poor"

SIGMAS = 2.0
"""Standard errors of a difference that may be chance."""
AS_GOOD, NEARLY, LACKING = 0.01, 0.05, 0.3
"""Share of what real data score that may be missing: as good as real, nearly, and a fair result."""
NEAR, FAR = 0.99, 0.9
"""Share of the way from an untrained generator to real data: near, and far below that."""
TIMES = 10.0
"""Times the distance of real data from each other, where there is no start to compare with."""
COPIES = 3.0
"""Times the near copies among real test images from which on samples are called copied."""
SPREAD, WORST_SPREAD = 0.1, 0.7
"""How far the spread inside a class may be from 1, and the least in the worst class."""
CYCLE, HIDDEN = 0.05, 1.5
"""Error of the way there and back, of white; and how many times it may grow by faint noise."""
CHANCE = 0.1, 0.5
"""Share of the error of the simplest answer that a good one, and a fair one, leave."""

_REAL = (REAL, "real test images", "true mixture", "real with real")
_START = ("untrained", "untranslated")
_FRACTIONS = {
    0.05: "a twentieth", 0.1: "a tenth", 0.2: "a fifth", 0.25: "a quarter", 1 / 3: "a third",
    0.5: "half", 2 / 3: "two thirds", 0.75: "three quarters", 0.9: "nine tenths", 1.0: "all",
}  # fmt: skip


class Verdict(NamedTuple):
    """A sentence on one side of a model, and how it turned out: good, fair or poor."""

    grade: str
    text: str


def verdicts(measurements: Sequence[Measurement]) -> list[Verdict]:
    """Say in plain words what measurements mean beside their references.

    Formula:
        with v +- s measured and r +- t of real data, d = r - v for what should be high:
        as good as real      d <= max(2 sqrt(s^2 + t^2), 0.01 r)
        nearly as good       d <= 0.05 r
        fair, else poor      d <= 0.30 r
        a distance, u before training: (u - v) / (u - r) >= 0.99 near, >= 0.90 fair
    Why:
        Each sentence can be checked by hand from the table below it. The thresholds are ours and
        deliberately coarse: what they call good a person should still look at. Parzen estimates and
        sharpness, which rank badly, get no sentence, nor do likelihoods, which have no scale.

    Args:
        measurements: as `evaluate` returns them, with references.

    Returns:
        Verdicts in the order of the measurements; none of what has no reference to be held against.

    Example:
        >>> [one.text for one in verdicts(evaluate("runs/cgan_mnist"))]
    """
    by_name = {one.name: one for one in measurements}
    found = []
    for one in measurements:
        if math.isfinite(one.value):
            rule = _RULES.get(one.name, _unknown)
            found.append(rule(one, by_name))
    return [one for one in found if one is not None]


# ---------------------------------------------------------------------- numbers and words


def fraction(share: float) -> str:
    """Return a share as the nearest common fraction, `a fifth` or `three quarters`.

    Args:
        share: above 0, at most 1.
    """
    return _FRACTIONS[min(_FRACTIONS, key=lambda one: abs(math.log(one / max(share, 1e-9))))]


def certain(first: Measurement, second: Measurement) -> float:
    """Return the difference of two measurements that may be chance.

    Args:
        first: one of them; an error that was not estimated counts as none.
        second: the other.
    """
    errors = (first.standard_error or 0.0, second.standard_error or 0.0)
    return SIGMAS * math.hypot(*(error if math.isfinite(error) else 0.0 for error in errors))


def _reference(one: Measurement, names: Sequence[str]) -> Measurement | None:
    """Return the reference whose name begins with one of these."""
    beside = (ref for ref in one.reference if math.isfinite(ref.value))
    return next((ref for ref in beside if ref.name.startswith(tuple(names))), None)


def _said(one: Measurement, percent: bool = False) -> str:
    error, scale = one.standard_error, 100.0 if percent else 1.0
    text = format_value(scale * one.value, None if error is None else scale * error)
    return text.replace("+-", "\u00b1") + (" %" if percent else "")


_Rule = Callable[[Measurement, Mapping[str, Measurement]], Verdict | None]


# ---------------------------------------------------------------------- rules


def _share(subject: str, lacking: str, percent: bool = False) -> _Rule:
    """Return the rule of what is high for real data.

    Args:
        subject: what was measured, for people.
        lacking: the end of a sentence that begins "about a fifth".
        percent: whether the value is a share of things that can be counted.
    """

    def rule(one: Measurement, _: Mapping[str, Measurement]) -> Verdict | None:
        real = _reference(one, _REAL)
        if real is None or real.value <= 0:
            return None
        said = f"{subject}: {_said(one, percent)}, {real.name} {_said(real, percent)}"
        gap = real.value - one.value
        if gap <= max(certain(one, real), AS_GOOD * real.value):
            return Verdict(GOOD, f"{said}: as good as real.")
        missing = gap / real.value
        if missing <= NEARLY:
            return Verdict(GOOD, f"{said}: nearly as good as real.")
        grade = FAIR if missing <= LACKING else POOR
        return Verdict(grade, f"{said}: about {fraction(min(missing, 1.0))} {lacking}.")

    return rule


def _distance(subject: str) -> _Rule:
    """Return the rule of a distance to real data, between that of real data and the start's.

    Args:
        subject: what was measured, for people.
    """

    def rule(one: Measurement, _: Mapping[str, Measurement]) -> Verdict | None:
        real, start = _reference(one, _REAL), _reference(one, _START)
        if real is None:
            return None
        said = f"{subject}: {_said(one)}, {real.name} {_said(real)}"
        if one.value - real.value <= certain(one, real):
            return Verdict(GOOD, f"{said}: not to be told from real data by so many samples.")
        if start is None or start.value <= real.value:
            if real.value <= SIGMAS * (real.standard_error or 0.0):
                return Verdict(FAIR, f"{said}: farther than real data are from each other.")
            times = one.value / real.value
            grade = FAIR if times <= TIMES else POOR
            return Verdict(grade, f"{said}: {times:.2g} times as far as real data.")
        said += f", {start.name} {_said(start)}"
        way = (start.value - one.value) / (start.value - real.value)
        if way <= 0:
            return Verdict(POOR, f"{said}: no nearer than at the start.")
        # Rounded down, so that what can be told from real data never reads as all of the way.
        done = math.floor(1000 * way) / 10
        grade = GOOD if way >= NEAR else FAIR if way >= FAR else POOR
        return Verdict(grade, f"{said}: {done:g} % of the way to real data.")

    return rule


def _better(subject: str, rivals: Sequence[str], percent: bool = False) -> _Rule:
    """Return the rule of what is held against simpler ways, the best of which counts.

    Args:
        subject: what was measured, for people.
        rivals: beginnings of the names of these ways.
        percent: whether the value is a share of things that can be counted.
    """

    def rule(one: Measurement, _: Mapping[str, Measurement]) -> Verdict | None:
        beside = [ref for ref in one.reference if ref.name.startswith(tuple(rivals))]
        beside = [ref for ref in beside if math.isfinite(ref.value)]
        if not beside:
            return None
        sign = -1.0 if better_direction(one.name) == "lower" else 1.0
        rival = max(beside, key=lambda ref: sign * ref.value)
        lead = sign * (one.value - rival.value)
        said = f"{subject}: {_said(one, percent)}, {rival.name} {_said(rival, percent)}"
        if abs(lead) <= certain(one, rival):
            return Verdict(FAIR, f"{said}: no difference that is certain.")
        if lead > 0:
            return Verdict(GOOD, f"{said}: better than that.")
        return Verdict(POOR, f"{said}: not even that.")

    return rule


def _reconstruction(one: Measurement, all_: Mapping[str, Measurement]) -> Verdict | None:
    linear, mean = _reference(one, (PRINCIPAL,)), _reference(one, ("mean image",))
    if linear is not None and one.value < linear.value + certain(one, linear):
        return _better("Error of what comes back", (PRINCIPAL,))(one, all_)
    return _of_simplest("Error of what comes back", mean, one)


def _classification(one: Measurement, _: Mapping[str, Measurement]) -> Verdict | None:
    beside = _reference(one, ("most frequent class",))
    return _of_simplest("Test images taken for another class", beside, one, percent=True)


def _of_simplest(
    subject: str, simplest: Measurement | None, one: Measurement, percent: bool = False
) -> Verdict | None:
    """Judge an error by the share of the simplest answer's that it leaves."""
    if simplest is None or simplest.value <= 0:
        return None
    said = f"{subject}: {_said(one, percent)}, {simplest.name} {_said(simplest, percent)}"
    left = one.value / simplest.value
    if simplest.value - one.value <= certain(one, simplest):
        return Verdict(POOR, f"{said}: no better than that.")
    grade = GOOD if left <= CHANCE[0] else FAIR if left <= CHANCE[1] else POOR
    return Verdict(grade, f"{said}: {100 * left:.2g} % of that error is left.")


def _near_copies(one: Measurement, _: Mapping[str, Measurement]) -> Verdict | None:
    real = _reference(one, _REAL)
    if real is None:
        return None
    said = (f"Nearest neighbours: {_said(one, True)} near copies of training images, "
            f"{real.name} {_said(real, True)}")  # fmt: skip
    if one.value - real.value <= certain(one, real):
        return Verdict(GOOD, f"{said}: no copies.")
    if one.value > COPIES * real.value:
        return Verdict(POOR, f"{said}: training images are copied, or samples are too simple.")
    return Verdict(FAIR, f"{said}: more than chance; look at the pairs.")


def _class_diversity(one: Measurement, _: Mapping[str, Measurement]) -> Verdict:
    said = f"Spread inside the classes: {_said(one)} times that of real images"
    if abs(one.value - 1) <= SPREAD:
        return Verdict(GOOD, f"{said}: as varied as real.")
    grade = FAIR if abs(one.value - 1) <= LACKING else POOR
    if one.value < 1:
        return Verdict(grade, f"{said}: about {fraction(1 - one.value)} of the variety is missing.")
    return Verdict(grade, f"{said}: more than real, which may be noise.")


def _worst_class(one: Measurement, _: Mapping[str, Measurement]) -> Verdict | None:
    if one.value >= WORST_SPREAD:
        return None  # the mean says it
    which = one.details.get("worst_class")
    named = "The least varied class" + ("" if which is None else f", {which},")
    return Verdict(POOR, f"{named} has {_said(one)} times the spread of real images.")


def _cycle(one: Measurement, _: Mapping[str, Measurement]) -> Verdict:
    value = max(one.value, *(ref.value for ref in one.reference), one.value)
    said = f"The way there and back changes pixels by {100 * value:.2g} % of white"
    return Verdict(GOOD if value <= CYCLE else FAIR if value <= 2 * CYCLE else POOR, f"{said}.")


def _hidden(one: Measurement, all_: Mapping[str, Measurement]) -> Verdict | None:
    plain = all_.get("cycle_error")
    if plain is None or plain.value <= 0:
        return None
    times = [one.value / plain.value]
    before = {ref.name: ref.value for ref in plain.reference}
    times += [ref.value / before[ref.name] for ref in one.reference if before.get(ref.name)]
    said = f"Faint noise on the translations makes that {max(times):.2g} times as much"
    if max(times) > HIDDEN:
        return Verdict(POOR, f"{said}: the way back reads a message that nobody sees.")
    return Verdict(GOOD, f"{said}: no hidden message.")


def _unknown(one: Measurement, all_: Mapping[str, Measurement]) -> Verdict | None:
    """Judge a metric that has no words here yet by its name and direction."""
    if better_direction(one.name) == "higher":
        return _share(one.name, "short of real data")(one, all_)
    return _distance(one.name)(one, all_) if better_direction(one.name) == "lower" else None


def _silent(one: Measurement, _: Mapping[str, Measurement]) -> None:
    return None


_RULES: dict[str, _Rule] = {
    "gan_test": _share("Recognised as their label", "of them show something else", True),
    "gan_train": _share(
        "What a classifier learns from samples alone (gan_train)", "of it is missing", True
    ),
    "classifier_score": _share("Clear and varied classes (classifier score)", "short of real"),
    "precision": _share("Plausible samples (precision)", "of them are like no real image"),
    "recall": _share("Variety (recall)", "of the variety is missing"),
    "density": _share("Plausible samples (density)", "short of real"),
    "coverage": _share("Variety (coverage)", "of the variety is missing"),
    "modes": _share("Modes reached", "of them are missing"),
    "high_quality": _share("Points near a mode", "of them are astray", True),
    "frechet_distance": _distance("Distance to real images (Fr\u00e9chet)"),
    "kernel_distance": _distance("Distance to real images (kernel)"),
    "inception_fid": _distance("Inception FID"),
    "sliced_wasserstein": _distance("Distance of pixels (sliced Wasserstein)"),
    "near_copies": _near_copies,
    "class_diversity": _class_diversity,
    "worst_class_diversity": _worst_class,
    "reconstruction_error": _reconstruction,
    "precision_at_10": _better("Same class among the ten nearest codes", ("pixels", "PCA"), True),
    "classification_error": _classification,
    "cycle_error": _cycle,
    "cycle_error_noise": _hidden,
    "recognised": _share("Translations recognised as their label", "of them are lost", True),
    "translation_a2b": _distance("Translations from a to b (kernel distance)"),
    "translation_b2a": _distance("Translations from b to a (kernel distance)"),
    "tag_f1": _better("Tags (F1)", ("", )),
    # Said by another measurement of the same metric, or by none that a sentence could rest on.
    **dict.fromkeys(
        ("tag_precision", "tag_recall", "tags_recalled", "retrieval_map", "reverse_kl",
         "parzen_log_likelihood", "sharpness", "negative_log_likelihood"),
        _silent,
    ),
}  # fmt: skip
