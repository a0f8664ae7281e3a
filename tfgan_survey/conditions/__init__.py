"""What a model is conditioned on: one `Condition` from the data to the served signature.

A kind is a class with a `kind` in any file of this folder; it is found by itself, and the data,
the networks, the training step, sampling, exports and their cards ask it. `None`, for models
without a condition, and a number of classes are shorthand wherever a condition is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfgan_survey.conditions.base import Condition
from tfgan_survey.conditions.classes import Classes
from tfgan_survey.conditions.vector import Vector
from tfgan_survey.errors import SettingError
from tfgan_survey.registry import discover

CONDITIONS = discover("condition", __name__, __path__, Condition, attribute="kind")


def as_condition(
    num_classes: int | Condition | Mapping[str, Any] | None = None,
    condition: int | Condition | Mapping[str, Any] | None = None,
) -> Condition | None:
    """Return the condition that one of two arguments means.

    Args:
        num_classes: a number of classes, None, or anything that `condition` may be.
        condition: a condition, its `get_config()`, a number of classes, or None.

    Raises:
        SettingError: two different ones came, or a number that is none of classes.
    """
    found = [_one(value) for value in (num_classes, condition) if value is not None]
    if len(found) == 2 and found[0] != found[1]:
        raise SettingError(
            f"num_classes={num_classes!r} and condition={condition!r}: give one of the two."
        )
    return found[0] if found else None


def _one(value: Any) -> Condition:
    if isinstance(value, Condition):
        return value
    if isinstance(value, Mapping):
        options = dict(value)
        return CONDITIONS[options.pop("kind")](**options)
    return Classes(value)


__all__ = ["CONDITIONS", "Classes", "Condition", "Vector", "as_condition"]
