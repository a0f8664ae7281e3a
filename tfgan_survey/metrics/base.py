"""What a metric says of itself. Every module of this package is searched for its subclasses."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from tfgan_survey.metrics.needs import Given, Need, ability, has_classifier, has_images

if TYPE_CHECKING:
    from tfgan_survey.metrics.bench import Bench
    from tfgan_survey.metrics.common import Measurement

HIGHER, LOWER = "higher", "lower"


def yields(**directions: str | None) -> Mapping[str, str | None]:
    """Return the outcomes of a metric: names of measurements and which way each is better.

    Args:
        **directions: `HIGHER`, `LOWER`, or None for what is best in between.

    Returns:
        A mapping that cannot be changed.
    """
    return MappingProxyType(directions)


class Metric(abc.ABC):
    """One metric: what it measures, what for, and how.

    A subclass with a `name` in any module of `tfgan_survey.metrics` is found by itself; help texts,
    choices, the arrows of reports and the checks of probes come from it. The first line of its
    docstring is what lists show.

    Attributes:
        name: as users give it.
        outcomes: names of its measurements and which way each is better, see `yields`.
        judges: the ability of a model that it judges, see `TrainableModel.abilities`. `sample`: its
            bench has samples. Another, such as `encode`: it asks the bench's model, and nothing is
            sampled for it.
        needs: what must be at hand beside that, see `tfgan_survey.metrics.needs`; a module may
            bring its own.
        default: its place among those that are measured when none is named and their needs are
            met; None: measured only when named.
        cost: what it takes for 10,000 samples, for people.
    """

    name: ClassVar[str]
    outcomes: ClassVar[Mapping[str, str | None]]
    judges: ClassVar[str] = "sample"
    needs: ClassVar[tuple[Need, ...]] = (has_images,)
    default: ClassVar[int | None] = None
    cost: ClassVar[str] = "seconds"

    @abc.abstractmethod
    def measure(self, bench: Bench) -> list[Measurement]:
        """Return one measurement for each outcome, in that order.

        Args:
            bench: samples, real data and what is computed of them once.
        """

    @classmethod
    def missing(cls, given: Given) -> str | None:
        """Return what it needs and does not find, as the end of "NAME needs ..."; None for all.

        Args:
            given: what is at hand.
        """
        needs = (ability(cls.judges), *cls.needs)
        return next((text for need in needs if (text := need(given)) is not None), None)

    @classmethod
    def summary(cls) -> str:
        """Return the first line of the docstring without its full stop."""
        return (cls.__doc__ or "").strip().partition("\n")[0].rstrip(".")

    @classmethod
    def described(cls) -> str:
        """Return what it is, what it yields and what it takes, for help texts."""
        made = [] if list(cls.outcomes) == [cls.name] else [f"yields {', '.join(cls.outcomes)}"]
        of = [] if cls.judges == "sample" else [f"of models that {cls.judges}"]
        takes = [] if cls.cost == "seconds" else [f"takes {cls.cost}"]
        named = [] if cls.default is not None else ["only when named"]
        notes = "; ".join([*made, *of, *takes, *named])
        return cls.summary() + (f" ({notes})." if notes else ".")


class ClassifierMetric(Metric):
    """A metric of what the data set's own classifier sees: its features or its probabilities."""

    needs = (has_images, has_classifier)
