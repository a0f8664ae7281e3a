"""Write `tfgan_survey/zoo/options.json`: what every part of every family can be told.

Run `python tools/make_options.py` after an option, its range, its docstring or a part has changed;
a test compares the file with the code. `tfgan-survey models NAME` and the completion of a shell
read it, so that neither waits for TensorFlow.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from typing import Any

from tfgan_survey.files import write_json
from tfgan_survey.metrics import METRICS
from tfgan_survey.models import FAMILIES
from tfgan_survey.registry import accepted, choices, shown_value
from tfgan_survey.settings import NOT_OPTIONS, Settings
from tfgan_survey.zoo.compose import loop_options
from tfgan_survey.zoo.describing import OPTIONS


def collected() -> dict[str, Any]:
    """Return what the file is to hold."""
    families, parts = {}, {}
    for name, family in FAMILIES.items():
        axes = {}
        for axis, one in family.axes.items():
            kind = one.registry.kind
            axes[axis] = {"kind": kind, "role": one.role, "default": one.default}
            axes[axis]["values"] = list(one.registry)
            for value in one.registry:
                found = part(one.registry[value], one.registry.options(value))
                # One family may take fewer values of a kind than another.
                if parts.setdefault(kind, {}).setdefault(value, found) != found:
                    raise SystemExit(f"two values of the kind {kind} are called {value}.")
        loop = [option(family, key, p) for key, p in loop_options(family).items()]
        families[name] = {"about": first_line(family), "axes": axes, "loop": loop}
    return {
        "families": families,
        "parts": parts,
        "run": run_options(),
        "metrics": {name: list(one.outcomes) for name, one in METRICS.items()},
    }


def part(value: Any, options: dict[str, inspect.Parameter]) -> dict[str, Any]:
    """Return what is said of a value on an axis."""
    return {
        "about": first_line(value),
        "source": section(value, "Source"),
        "options": [option(value, key, parameter) for key, parameter in options.items()],
    }


def option(owner: Any, name: str, parameter: inspect.Parameter) -> dict[str, Any]:
    """Return what is said of an option."""
    return described(owner, name, parameter.annotation, parameter.default)


def run_options() -> list[dict[str, Any]]:
    """Return what is said of the run's own fields."""
    hints = typing.get_type_hints(Settings, include_extras=True)
    found = []
    for field in dataclasses.fields(Settings):
        if field.name not in NOT_OPTIONS:
            default = None if field.default is dataclasses.MISSING else field.default
            found.append(described(Settings, field.name, hints[field.name], default))
    return found


def described(owner: Any, name: str, annotation: Any, default: Any) -> dict[str, Any]:
    """Return one option as the file keeps it."""
    return {
        "name": name,
        "default": shown_value(default),
        # That a number fits into 32 bits goes without saying.
        "accepts": accepted(annotation).replace(f" and below {2**31}", ""),
        "choices": [shown_value(one) for one in choices(annotation)],
        "about": meaning(owner, name),
    }


def meaning(owner: Any, name: str) -> str:
    """Return what the docstring of a class, of those below it, or of a function says of `name`."""
    for one in getattr(owner, "__mro__", [owner]):
        lines = re.search(r"^Args:\n((?: .*\n?|\n)+)", inspect.cleandoc(one.__doc__ or ""), re.M)
        pattern = rf"^ {{4}}(?:\*{{0,2}}\w+, )*{name}(?:, \w+)*:((?: .*\n?|\n)(?: {{5,}}.*\n?)*)"
        if lines and (found := re.search(pattern, lines[1], re.M)):
            return " ".join(found[1].split())
    raise SystemExit(f"{owner.__module__}.{owner.__name__} says nothing of its option {name!r}.")


def first_line(value: Any) -> str:
    """Return the first line of a docstring, without its full stop."""
    return inspect.getdoc(value).split("\n", 1)[0].rstrip(".")


def section(value: Any, title: str) -> str:
    """Return a section of a docstring in one line, "" without."""
    text = inspect.cleandoc(value.__doc__ or "")
    found = re.search(rf"^{title}:\n((?: .*\n?|\n)+)", text, re.M)
    return " ".join(found[1].split()) if found else ""


if __name__ == "__main__":
    write_json(OPTIONS, collected())
    print(f"wrote {OPTIONS}")
