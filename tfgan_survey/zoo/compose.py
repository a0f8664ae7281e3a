"""From a name and overrides to settings, and from settings to a compiled model.

A full key names the axis and the option, `network.width` or `regularizer.weight`; `loop.` and
`run.` stand before the options of the model's class and of the run. The short form, `width`, is
taken wherever it means one thing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import typing
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from tfgan_survey.errors import SettingError, nearest
from tfgan_survey.registry import options_of, parse_value
from tfgan_survey.settings import BUDGET, NOT_OPTIONS, Choice, Settings
from tfgan_survey.zoo.recipes import MODELS, Recipe

if TYPE_CHECKING:
    import keras

# `optimizer` and `optimizer.learning_rate` mean every optimizer that a family has; the short form
# of one of several, `d_optimizer.learning_rate`, is `d_learning_rate`.
_OPTIMIZER = "optimizer"


class _Place(NamedTuple):
    """One option that a key may set; `block` is an axis, `loop` or `run`."""

    block: str
    option: str
    annotation: Any

    @property
    def key(self) -> str:
        return f"{self.block}.{self.option}"


def resolve(model: str, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings of a run of `model`, with every option resolved.

    Args:
        model: name in `MODELS`.
        overrides: run settings (`batch_size`), axes (`objective`), options of the chosen axis
            values (`objective.coding`, or `coding` where that is not ambiguous), of the optimizers
            (`learning_rate` for all, `d_optimizer.learning_rate` or `d_learning_rate` for one) and
            of the loop (`n_critic`). Text is converted to the option's type.

    Returns:
        The settings.

    Raises:
        UnknownNameError: unknown model, or unknown value on an axis.
        SettingError: a key that nothing in this composition has or that means several things, or
            a value of the wrong type.
    """
    recipe: Recipe = MODELS[model]
    family = _family(recipe.family)
    given = dict(overrides or {})
    chosen, blocks = choose(family, recipe, given)
    places = _places(family, chosen)
    values: dict[str, Any] = {}
    for block, options in blocks.items():
        for option, value in options.items():
            key = f"{block}.{option}"
            if key in places:
                values[key] = parse_value(option, value, places[key][0].annotation)
            elif block not in chosen or _recipe_choice(recipe, family, block) == chosen[block]:
                raise _unknown_key(model, key, places, chosen)
    for key, value in given.items():
        for place in _targets(model, key, places, chosen, family):
            values[place.key] = parse_value(key, value, place.annotation)

    def options(block: str, parameters) -> dict[str, Any]:
        return {name: values.get(f"{block}.{name}", p.default) for name, p in parameters.items()}

    run = {key.removeprefix("run."): v for key, v in values.items() if key.startswith("run.")}
    if not any(run.get(key) is not None for key in BUDGET):
        run["steps"] = recipe.quick
    if run["dataset"] != blocks["run"]["dataset"] and not {"split", "run.split"} & {*given}:
        run.pop("split", None)  # chosen for the recipe's own data
    return Settings(
        model=model,
        family=recipe.family,
        parts={
            axis: Choice(name, options(axis, family.axes[axis].registry.options(name)))
            for axis, name in chosen.items()
        },
        loop=options("loop", loop_options(family)),
        **run,
    )


def complete(settings: Settings) -> Settings:
    """Return settings of an earlier version with the options that exist since then.

    They get what that version computed: what the part says about `earlier` versions, else its
    default; a recipe's own choice may be newer than the run.

    Args:
        settings: as a run recorded them.

    Raises:
        SettingError: parts that are not those of the family.
    """
    family = _family(settings.family)
    # An axis that is newer than the run, at the value that changes nothing.
    newer = {n: Choice(axis.default) for n, axis in family.axes.items() if axis.default is not None}
    chosen = {**newer, **settings.parts}
    if set(chosen) != set(family.axes):
        raise SettingError(
            f"settings of a {settings.family} have the parts {', '.join(family.axes)}; "
            f"{', '.join(settings.parts)} came."
        )

    def filled(options: Mapping[str, Any], parameters, part) -> dict[str, Any]:
        earlier = part.earlier(options) if hasattr(part, "earlier") else {}
        return {name: p.default for name, p in parameters.items()} | earlier | dict(options)

    parts = {}
    for axis in family.axes:
        choice, registry = chosen[axis], family.axes[axis].registry
        options = filled(choice.options, registry.options(choice.name), registry[choice.name])
        parts[axis] = Choice(choice.name, options)
    loop = filled(settings.loop, loop_options(family), family)
    return dataclasses.replace(settings, parts=parts, loop=loop)


def build(
    model: str,
    image_shape: tuple[int, ...] = (28, 28, 1),
    num_classes: int | None = None,
    **overrides: Any,
) -> keras.Model:
    """Build a named model, compiled with its optimizers.

    Args:
        model: name in `MODELS`.
        image_shape: `(height, width, channels)`; two of them for a model between two domains.
        num_classes: number of classes; None for the unconditional form.
        **overrides: as in `resolve`.

    Returns:
        The compiled model; a `GAN` with labels is a `ConditionalGAN`.

    Example:
        >>> gan = build("survey_cgan", num_classes=10, seed=1)
        >>> gan.fit(load("mnist", batch_size=128), epochs=1)
    """
    settings = resolve(model, {"conditional": num_classes is not None, **overrides})
    return build_from_settings(settings, image_shape, num_classes)


def build_from_settings(
    settings: Settings, image_shape: tuple[int, ...], num_classes: int | None
) -> keras.Model:
    """Build the compiled model that `settings` describe.

    Args:
        settings: resolved settings.
        image_shape: shape of the data; of two domains a pair of shapes.
        num_classes: number of classes of the data; used where `settings.conditional`.

    Raises:
        SettingError: conditional, but the data has no classes; one data set for a model of two
            domains, or two for a model of one.
    """
    if settings.conditional and num_classes is None:
        raise SettingError(f"{settings.model} is conditional: it needs num_classes.")
    family = _family(settings.family)
    _check_domains(settings.model, family.domains, image_shape)
    classes = num_classes if settings.conditional else None

    def made(*roles: str) -> dict[str, Any]:
        found = {}
        for axis, choice in settings.parts.items():
            declared = family.axes[axis]
            if declared.role in roles:
                data = (image_shape, classes) if declared.role == "network" else ()
                seed = {"seed": settings.seed} if declared.role == "network" else {}
                part = declared.registry[choice.name]
                found[declared.argument] = part(*data, **choice.options, **seed)
        return found

    with _precision(settings.precision):
        model = family.assemble(
            **made("network", "part"), **settings.loop, seed=settings.seed, name=settings.model
        )
    model.compile(
        **made("optimizer"),
        jit_compile=settings.jit_compile,
        steps_per_execution=settings.steps_per_execution,
    )
    return model


def _check_domains(model: str, domains: int, image_shape: tuple) -> None:
    """Refuse data of two domains for a model of one, and the reverse."""
    shapes = image_shape if isinstance(image_shape[0], (tuple, list)) else (image_shape,)
    if len(shapes) == domains:
        return
    came = " and ".join("x".join(map(str, shape)) for shape in shapes)
    if domains == 1:
        raise SettingError(
            f"{model} takes one data set; two domains came ({came}). Name one with --dataset, or "
            "take a model between two domains, such as cyclegan."
        )
    raise SettingError(
        f"{model} takes two domains; one data set came ({came}). Name two with --dataset A,B or a "
        "folder with trainA and trainB, or take a model of one data set."
    )


def _family(name: str):
    """Return a family's model class; imported here because it imports TensorFlow."""
    from tfgan_survey.models import FAMILIES

    return FAMILIES[name]


def loop_options(family) -> dict[str, inspect.Parameter]:
    """Return what a family's model takes beside its parts.

    Args:
        family: the model's class.
    """
    arguments = {axis.argument for axis in family.axes.values()}
    return {name: p for name, p in options_of(family).items() if name not in arguments}


def _optimizers(family) -> list[str]:
    return [name for name, axis in family.axes.items() if axis.role == "optimizer"]


def _recipe_choice(recipe: Recipe, family, axis: str) -> str:
    """Return what a recipe chooses on an axis."""
    for block in (axis, *([_OPTIMIZER] if axis in _optimizers(family) else [])):
        if block in recipe.parts:
            return recipe.parts[block].name
    if family.axes[axis].default is None:
        raise ValueError(f"a recipe of the family {recipe.family!r} has to choose its {axis}.")
    return family.axes[axis].default


def choose(
    family, recipe: Recipe, given: dict[str, Any]
) -> tuple[dict[str, str], dict[str, Mapping[str, Any]]]:
    """Take the axis choices out of the overrides; return them and the recipe's options by block.

    Args:
        family: has the axes.
        recipe: of the family.
        given: overrides; those that name an axis are taken out.
    """
    optimizers = _optimizers(family)
    for_all = given.pop(_OPTIMIZER, None) if _OPTIMIZER not in family.axes else None
    chosen, blocks = {}, {"loop": recipe.loop, "run": {"dataset": "mnist", **recipe.run}}
    for axis in family.axes:
        name = given.pop(axis, for_all if axis in optimizers else None)
        chosen[axis] = _recipe_choice(recipe, family, axis) if name is None else name
        shared = recipe.parts.get(_OPTIMIZER) if axis in optimizers else None
        own = recipe.parts.get(axis)
        blocks[axis] = {**(shared.options if shared else {}), **(own.options if own else {})}
    return chosen, blocks


def _places(family, chosen: Mapping[str, str]) -> dict[str, list[_Place]]:
    """Map each full and short key to the places that it may mean."""
    hints = typing.get_type_hints(Settings, include_extras=True)
    places: dict[str, list[_Place]] = {}
    for place in _all_places(family, chosen, hints):
        optimizer = place.block in _optimizers(family)
        keys = {place.key, place.option}
        if optimizer:
            prefix = place.block.removesuffix(_OPTIMIZER)
            keys |= {f"{_OPTIMIZER}.{place.option}", f"{prefix}{place.option}"}
        for key in keys:
            places.setdefault(key, []).append(place)
    return places


def _all_places(family, chosen: Mapping[str, str], hints) -> Iterator[_Place]:
    for field in dataclasses.fields(Settings):
        if field.name not in NOT_OPTIONS:
            yield _Place("run", field.name, hints[field.name])
    for name, parameter in loop_options(family).items():
        yield _Place("loop", name, parameter.annotation)
    for axis, name in chosen.items():
        for option, parameter in family.axes[axis].registry.options(name).items():
            yield _Place(axis, option, parameter.annotation)


def _targets(model: str, key: str, places, chosen, family) -> list[_Place]:
    """Return the places that a key sets: one, or the same option of every optimizer."""
    found = places.get(key)
    if found is None:
        raise _unknown_key(model, key, places, chosen)
    if len(found) > 1 and not all(place.block in _optimizers(family) for place in found):
        raise SettingError(
            f"setting {key!r} means several things in {model}; "
            f"give {' or '.join(place.key for place in found)}."
        )
    return found


def _unknown_key(model: str, key: str, places, chosen) -> SettingError:
    known = {*places, *chosen, _OPTIMIZER}
    close = nearest(key, known)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    parts = ", ".join(dict.fromkeys(chosen.values()))
    short = sorted(name for name in known if "." not in name)
    return SettingError(
        f"setting {key!r} does nothing in {model} ({parts}); {hint}Accepted, alone or as in "
        f"{next(iter(chosen))}.OPTION: {', '.join(short)}."
    )


@contextlib.contextmanager
def _precision(precision: str):
    """Build the networks under a dtype policy and restore the caller's."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
