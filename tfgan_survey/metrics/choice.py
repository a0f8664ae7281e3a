"""Which metrics are measured: those that are named, or those that fit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tfgan_survey.errors import SettingError, unknown_name
from tfgan_survey.metrics.base import Metric
from tfgan_survey.metrics.found import METRICS
from tfgan_survey.metrics.needs import Given, has_density


def default_metrics(given: Given) -> list[str]:
    """Return the metrics that are measured when none are named: those that take seconds and fit.

    Args:
        given: what is at hand.
    """
    return [name for name, missing in _defaults(given).items() if missing is None]


def left_out(given: Given) -> dict[str, str]:
    """Return the default metrics that do not fit, each with what it needs.

    Points and images exclude each other, so a metric of the other kind is no loss and not named;
    nor is one that judges what other kinds of models can do. That a model has no samples to be
    judged is said.

    Args:
        given: what is at hand.
    """
    return {
        name: f"needs {missing}"
        for name, missing in _defaults(given).items()
        if missing is not None
        and (has_density in METRICS[name].needs) == given.points
        and METRICS[name].judges in {"sample", *given.abilities}
    }


def _defaults(given: Given) -> dict[str, str | None]:
    """Return the default metrics in their order, each with what is missing."""
    found = [(one.default, name) for name, one in METRICS.items() if one.default is not None]
    return {name: METRICS[name].missing(given) for _, name in sorted(found)}


def check_metrics(names: Sequence[str], given: Given) -> list[str]:
    """Return the names if all are known, suit what is at hand, and none is given twice.

    Args:
        names: metrics.
        given: what is at hand.

    Raises:
        UnknownNameError: an unknown name, with the nearest known ones.
        SettingError: none given, one given twice, or one that lacks what it needs.
    """
    if not names:
        raise SettingError(f"no metric is given; known: {', '.join(METRICS)}.")
    for name in names:
        if list(names).count(name) > 1:
            raise SettingError(f"metric {name} is given twice.")
        _require(name, name, given)
    return list(names)


def choose_outcomes(names: Iterable[str], given: Given) -> dict[str, str]:
    """Return the chosen measurements, each with the metric that yields it.

    Args:
        names: metrics (all their measurements are meant) or single measurements.
        given: what is at hand.

    Returns:
        Measurement to metric, in the order given.

    Raises:
        UnknownNameError: no such name.
        SettingError: none given, one given twice, or one that lacks what it needs.
    """
    known = {
        outcome: (name, (outcome,)) for name, one in METRICS.items() for outcome in one.outcomes
    }
    # A metric of the same name comes last and means all that it measures.
    known |= {name: (name, tuple(one.outcomes)) for name, one in METRICS.items()}
    chosen: dict[str, str] = {}
    for name in names:
        if name not in known:
            raise unknown_name("metric", name, known)
        metric, found = known[name]
        _require(name, metric, given)
        for outcome in found:
            if outcome in chosen:
                raise SettingError(f"metric {outcome} is given twice.")
            chosen[outcome] = metric
    if not chosen:
        raise SettingError(f"no metric is given; known: {', '.join(sorted(known))}.")
    return chosen


def better_direction(outcome: str) -> str | None:
    """Return `"higher"`, `"lower"`, or None for what is best in between or not known.

    Args:
        outcome: name of a measurement.
    """
    found = _yielding(outcome)
    return None if found is None else found.outcomes[outcome]


def judges_samples(outcome: str) -> bool:
    """Return whether a measurement is of samples, instead of the model itself.

    Args:
        outcome: name of a measurement.
    """
    found = _yielding(outcome)
    return found is None or found.judges == "sample"


def _yielding(outcome: str) -> type[Metric] | None:
    return next((one for one in METRICS.values() if outcome in one.outcomes), None)


def _require(said: str, metric: str, given: Given) -> None:
    if (text := METRICS[metric].missing(given)) is not None:
        raise SettingError(f"{said} needs {text}")
