"""What each metric of the suite measures, which way is better, and which need labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from tfgan_survey.errors import SettingError, unknown_name
from tfgan_survey.metrics.suite import METRICS

OUTCOMES: Mapping[str, Mapping[str, str | None]] = MappingProxyType(
    {
        "precision_recall": {"precision": "higher", "recall": "higher"},
        "density_coverage": {"density": "higher", "coverage": "higher"},
        "frechet_distance": {"frechet_distance": "lower"},
        "inception_fid": {"inception_fid": "lower"},
        "kernel_distance": {"kernel_distance": "lower"},
        "classifier_score": {"classifier_score": "higher"},
        "parzen_log_likelihood": {"parzen_log_likelihood": "higher"},
        "gan_test": {"gan_test": "higher"},
        "gan_train": {"gan_train": "higher"},
        # Best at the value of real images, not at an end.
        "class_diversity": {"class_diversity": None, "worst_class_diversity": None},
        "nearest_neighbours": {"near_copies": None},
    }
)
"""Metric to the names of its measurements and their better direction, None where neither is.

A metric that is not listed measures what it is called, better in no known direction.
"""

MIXTURE_OUTCOMES: Mapping[str, str] = MappingProxyType(
    {"modes": "higher", "high_quality": "higher", "reverse_kl": "lower"}
)
"""The same for the data sets of points, which have one protocol."""

NEED_LABELS = ("gan_test", "gan_train", "class_diversity")


def better_direction(outcome: str) -> str | None:
    """Return `"higher"`, `"lower"`, or None for what is best in between or not known."""
    known = dict(MIXTURE_OUTCOMES)
    for found in OUTCOMES.values():
        known |= found
    return known.get(outcome)


def choose_outcomes(
    names: Iterable[str], mixture: bool = False, labelled: bool = True
) -> dict[str, str]:
    """Return the chosen measurements, each with the metric that yields it.

    Args:
        names: metrics (all their measurements are meant) or single measurements.
        mixture: whether the samples are points of a mixture.
        labelled: whether the samples have labels.

    Returns:
        Measurement to metric, in the order given; for a mixture the metric is `mode_coverage`.

    Raises:
        UnknownNameError: no such name.
        SettingError: none given, one given twice, or one that needs labels where there are none.
    """
    if mixture:
        yielded = {name: {"mode_coverage": name} for name in MIXTURE_OUTCOMES}
    else:
        yielded = {name: {metric: name} for metric in METRICS for name in _outcomes(metric)}
        # A metric of the same name comes last and means all that it measures.
        yielded |= {metric: {metric: None} for metric in METRICS}
    chosen: dict[str, str] = {}
    for name in names:
        if name not in yielded:
            raise unknown_name("metric", name, yielded)
        ((metric, single),) = yielded[name].items()
        if metric in NEED_LABELS and not labelled:
            raise SettingError(
                f"{name} needs the labels that the samples were asked for; this model is "
                "unconditional. Leave it out, or train with --set conditional=true."
            )
        for outcome in _outcomes(metric) if single is None else (single,):
            if outcome in chosen:
                raise SettingError(f"metric {outcome} is given twice.")
            chosen[outcome] = metric
    if not chosen:
        raise SettingError(f"no metric is given; known: {', '.join(sorted(yielded))}.")
    return chosen


def _outcomes(metric: str) -> tuple[str, ...]:
    return tuple(OUTCOMES.get(metric, {metric: None}))
