"""What can be set in a named model: every key with its default, its range and its meaning.

The parts themselves are read off their signatures, which needs TensorFlow and seconds. So
`options.json` keeps what they say; `python tools/make_options.py` writes it anew, and a test
compares it with the code.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tfgan_survey.errors import unknown_name
from tfgan_survey.registry import Axis, Registry, shown_value
from tfgan_survey.settings import BUDGET
from tfgan_survey.zoo.compose import choose
from tfgan_survey.zoo.recipes import MODELS

OPTIONS = Path(__file__).parent / "options.json"


@dataclasses.dataclass(frozen=True)
class Option:
    """One thing that `--set` sets.

    Args:
        key: the shortest that means it alone.
        full_key: the one that means it in any case, such as `network.width`.
        default: what this model has, as `--set` takes it.
        accepts: type and range in words.
        choices: the values that there are, where they are few.
        about: what it means, with its source where the part's docstring has one.
    """

    key: str
    full_key: str
    default: str
    accepts: str
    choices: tuple[str, ...]
    about: str


@dataclasses.dataclass(frozen=True)
class Block:
    """An axis with the value chosen on it, or the options of the loop or of the run.

    Args:
        name: the axis, which is a key of `--set` as well; `loop` or `run`.
        value: chosen on the axis; the family for `loop`, the model for `run`.
        values: what else could be chosen, each in one line.
        about: what the chosen value is, in one line.
        source: paper and equation, where the value names one.
        options: of the chosen value.
    """

    name: str
    value: str
    values: Mapping[str, str]
    about: str
    source: str
    options: tuple[Option, ...]


@functools.cache
def known_options() -> Mapping[str, Any]:
    """Return what `options.json` keeps: `families`, `parts`, `run` and `metrics`."""
    return json.loads(OPTIONS.read_text(encoding="utf-8"))


def describe(model: str, parts: Mapping[str, str] | None = None) -> list[Block]:
    """Return everything that can be set in a named model, without importing TensorFlow.

    Args:
        model: name in `MODELS`.
        parts: other values on axes, such as `{"network": "mlp"}`.

    Returns:
        One block an axis, then `loop` and `run`. Optimizers that are set alike share a block,
        `optimizer`.

    Raises:
        UnknownNameError: unknown model, axis, or value on an axis.

    Example:
        >>> describe("cgan_mnist")[0].options[0].key
        'latent_dim'
    """
    recipe = MODELS[model]
    known = known_options()
    family = _family(recipe.family)
    given = dict(parts or {})
    chosen, defaults = choose(family, recipe, given)
    if given:
        raise unknown_name("axis", next(iter(given)), family.axes)
    for axis, name in chosen.items():
        _ = family.axes[axis].registry[name]  # refuses what it does not hold
    declared = {
        axis: known["parts"][family.axes[axis].registry.kind][name] for axis, name in chosen.items()
    }
    original, _ = choose(family, recipe, {})
    own = {axis: defaults[axis] if chosen[axis] == original[axis] else {} for axis in declared} | {
        "loop": defaults["loop"],
        "run": defaults["run"] | {"model": model},
    }
    if not any(key in defaults["run"] for key in BUDGET):
        own["run"]["steps"] = recipe.quick
    blocks = [
        _Raw(axis, chosen[axis], one["about"], one["source"], one["options"])
        for axis, one in declared.items()
    ]
    shared = _shared(blocks, own, family)
    loop = known["families"][recipe.family]
    blocks = [
        *shared,
        _Raw("loop", recipe.family, loop["about"], "", loop["loop"]),
        _Raw("run", model, recipe.summary, recipe.source, known["run"]),
    ]
    keys = _short_keys(blocks)
    return [
        Block(
            block.name,
            block.value,
            _values(block.name, family),
            block.about,
            block.source,
            tuple(_options(block, own, keys)),
        )
        for block in blocks
    ]


def settable(model: str, parts: Mapping[str, str] | None = None) -> dict[str, tuple[str, ...]]:
    """Return the keys that `--set` takes, each with the values that there are, if they are few.

    Args:
        model: name in `MODELS`.
        parts: other values on axes.

    Raises:
        UnknownNameError: see `describe`.
    """
    found: dict[str, tuple[str, ...]] = {}
    for block in describe(model, parts):
        if block.name not in ("loop", "run"):
            found[block.name] = tuple(block.values)
        for option in block.options:
            found[option.key] = found[option.full_key] = option.choices
    return found


# ---------------------------------------------------------------------- from the kept file


@dataclasses.dataclass(frozen=True)
class _Raw:
    name: str
    value: str
    about: str
    source: str
    options: list[dict[str, Any]]


def _family(name: str) -> SimpleNamespace:
    """Return what `choose` asks of a family: its axes."""
    known = known_options()
    axes = {
        axis: Axis(
            Registry(one["kind"], dict.fromkeys(one["values"])),
            axis,
            one["role"],
            one["default"],
        )
        for axis, one in known["families"][name]["axes"].items()
    }
    return SimpleNamespace(axes=axes)


def _shared(blocks: list[_Raw], own: dict[str, Any], family) -> list[_Raw]:
    """Merge the optimizers' blocks where they are alike."""
    axes = [axis for axis, one in family.axes.items() if one.role == "optimizer"]
    of = [block for block in blocks if block.name in axes]
    same = len({block.value for block in of}) == 1 and all(
        own[axis] == own[axes[0]] for axis in axes
    )
    if len(axes) < 2 or not same:
        return blocks
    own["optimizer"] = own[axes[0]]
    merged = dataclasses.replace(of[0], name="optimizer")
    return [block for block in blocks if block.name not in axes] + [merged]


def _short_keys(blocks: list[_Raw]) -> set[str]:
    """Return the options' names that mean one thing."""
    names = [option["name"] for block in blocks for option in block.options]
    return {name for name in names if names.count(name) == 1}


def _options(block: _Raw, own: Mapping[str, Any], short: set[str]) -> Iterator[Option]:
    mine = own.get(block.name, {})
    for option in block.options:
        name = option["name"]
        full = f"{block.name}.{name}"
        default = shown_value(mine[name]) if name in mine else option["default"]
        yield Option(
            name if name in short else full,
            full,
            default,
            option["accepts"],
            tuple(option["choices"]),
            option["about"],
        )


def _values(name: str, family) -> dict[str, str]:
    """Return the values of an axis, each in one line."""
    if name in ("loop", "run"):
        return {}
    axis = (
        name
        if name in family.axes
        else next(axis for axis, one in family.axes.items() if one.role == "optimizer")
    )
    registry = family.axes[axis].registry
    parts = known_options()["parts"][registry.kind]
    return {value: parts[value]["about"] for value in registry}
