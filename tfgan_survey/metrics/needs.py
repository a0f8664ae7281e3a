"""What metrics may need, each asked in one place: from what is at hand to what is missing.

A need returns None where it is met, and else the end of a sentence that begins "NAME needs". A
metric may bring a need of its own beside its class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tfgan_survey.data.home import DataHome
from tfgan_survey.data.sets.mixtures import MIXTURES

CLASSIFIED = {"fashion_mnist": "fashion_mnist", "mnist": "mnist", "mnist_mini": "mnist"}
"""Data sets whose images a shipped classifier knows, and its name."""
CLASSIFIER_SHAPE = (28, 28, 1)


@dataclass(frozen=True)
class Given:
    """What an evaluation has at hand, known before anything is sampled.

    Args:
        dataset: name of the data set.
        shape: of one example: `(height, width, channels)`, or `(dimensions,)` for points.
        labelled: whether the samples have labels.
        num_train: number of training examples.
        abilities: what the model can do, such as `reconstruct`; `sample` where samples are all that
            there is.
        home: where data sets are kept.
        num_classes: classes of the real data; None where their labels are none.
        domains: sets of images that the data set has, 2 where they are translated.
    """

    dataset: str
    shape: tuple[int, ...]
    labelled: bool
    num_train: int
    abilities: frozenset[str] = frozenset({"sample"})
    home: DataHome = field(default_factory=DataHome)
    num_classes: int | None = None
    domains: int = 1

    @classmethod
    def of(cls, dataset: str, train: Any, labelled: bool, **others: Any) -> Given:
        """Describe samples that are compared with a loaded `ImageSet` or `PointSet`.

        Args:
            dataset: its name.
            train: its training set.
            labelled: whether the samples have labels.
            **others: see `Given`.
        """
        shape = tuple(train.images.shape[1:])
        others.setdefault("num_classes", train.num_classes)
        others.setdefault("domains", 2 if hasattr(train, "b") else 1)
        return cls(dataset, shape, labelled, len(train.images), **others)

    @property
    def points(self) -> bool:
        """Whether the examples are points instead of images."""
        return is_points(self.shape)


Need = Callable[[Given], "str | None"]


def is_points(shape: tuple[int, ...]) -> bool:
    """Return whether examples of this shape are points: the one place where that is asked.

    Args:
        shape: of one example.
    """
    return len(shape) == 1


def has_images(given: Given) -> str | None:
    """Need images instead of points.

    Args:
        given: what is at hand.
    """
    if not given.points:
        return None
    return f"images; {given.dataset} has points. Those are measured by mode_coverage only."


def has_density(given: Given) -> str | None:
    """Need points of a mixture whose modes are known.

    Args:
        given: what is at hand.
    """
    if given.points and given.dataset in MIXTURES:
        return None
    return f"points of a known density ({', '.join(MIXTURES)}); {given.dataset} has none."


def has_labels(given: Given) -> str | None:
    """Need the classes that the samples were asked for.

    Args:
        given: what is at hand.
    """
    if given.labelled:
        return None
    return (
        "the labels that the samples were asked for; this model is unconditional, or the file has "
        "no array called labels. Leave it out, or train with --set conditional=true."
    )


def has_classes(given: Given) -> str | None:
    """Need real data with the labels of two classes or more.

    Args:
        given: what is at hand.
    """
    if (given.num_classes or 0) > 1:
        return None
    return f"a data set with labels of two classes or more; {given.dataset} has none."


def has_classifier(given: Given) -> str | None:
    """Need a shipped classifier of this data set.

    Args:
        given: what is at hand.
    """
    if given.dataset in CLASSIFIED and given.shape == CLASSIFIER_SHAPE:
        return None
    size = "x".join(map(str, given.shape))
    return (
        f"a classifier of these images; one is shipped for {', '.join(CLASSIFIED)} in 28x28x1, not "
        f"for {given.dataset} in {size}. inception_fid sees any images: tfgan-survey data prepare "
        "inception_v3, then --metrics inception_fid."
    )


def ability(name: str) -> Need:
    """Return the need of a model that can do something, such as `reconstruct`.

    Args:
        name: what the model must be able to do.
    """

    def need(given: Given) -> str | None:
        if name in given.abilities:
            return None
        if name == "sample":
            able = " and ".join(sorted(given.abilities)) or "do nothing that is asked for by name"
            return f"samples; this model cannot sample. It can {able}."
        return f"a model that can {name}; this one cannot, or there are samples of it only."

    need.__name__ = f"has_{name}"
    return need
