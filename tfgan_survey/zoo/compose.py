"""From a name and overrides to settings, and from settings to a compiled GAN."""

from __future__ import annotations

import contextlib
import dataclasses
import typing
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfgan_survey.errors import SettingError, nearest
from tfgan_survey.registry import options_of, parse_value
from tfgan_survey.settings import AXES, BUDGET, Choice, Settings
from tfgan_survey.zoo.recipes import MODELS, Recipe

if TYPE_CHECKING:
    from tfgan_survey.models.gan import GAN

_DATASET = "mnist"  # where neither recipe nor override names one
# `optimizer` and `learning_rate` set both networks' optimizers; `d_...` and `g_...` one.
_OPTIMIZER_PREFIXES = {"d_optimizer": "d_", "g_optimizer": "g_"}
_RUN_FIELDS = {
    f.name: f for f in dataclasses.fields(Settings) if f.name not in (*AXES, "model", "loop")
}


def resolve(model: str, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings of a run of `model`, with every option resolved.

    Args:
        model: name in `MODELS`.
        overrides: flat keys: run settings (`batch_size`), axes (`objective`), options of the
            chosen axis values (`clip_value`), of the optimizers (`learning_rate`, or
            `d_learning_rate` for one of them) and of the loop (`n_critic`). Text is converted to
            the option's type.

    Returns:
        The settings.

    Raises:
        UnknownNameError: unknown model, or unknown value on an axis.
        SettingError: a key that nothing in this composition has, or a value of the wrong type.
    """
    recipe: Recipe = MODELS[model]
    overrides = dict(overrides or {})
    registries = _registries()
    names = _axis_names(recipe, overrides)
    accepted = _accepted(registries, names)
    values: dict[tuple[str, str], Any] = {}
    for source, given in (("recipe", recipe.options), ("override", overrides)):
        for key, value in given.items():
            if source == "recipe" and key == "split" and _other_dataset(recipe, overrides):
                continue
            targets = accepted.get(key)
            if targets is None:
                if source == "recipe" and _belongs_to_replaced(key, recipe, names, registries):
                    continue
                raise _unknown_key(model, key, accepted, names)
            for axis, option, annotation in targets:
                values[axis, option] = parse_value(key, value, annotation)
    budget = {key: overrides.get(key) for key in BUDGET if overrides.get(key) is not None}
    if not budget:
        values["run", "steps"] = recipe.quick
    run = {option: value for (axis, option), value in values.items() if axis == "run"}
    return Settings(
        model=model,
        **{"dataset": _DATASET, **run},
        loop=_options(values, "loop", _loop_options()),
        **{
            axis: Choice(name, _options(values, axis, registries[axis].options(name)))
            for axis, name in names.items()
        },
    )


def complete(settings: Settings) -> Settings:
    """Return settings of an earlier version with the options that exist since then.

    They get the default of the part that has them, which is what that version computed; a
    recipe's own choice may be newer than the run.
    """
    registries = _registries()

    def filled(options: Mapping[str, Any], parameters) -> dict[str, Any]:
        return {name: p.default for name, p in parameters.items()} | dict(options)

    axes = {}
    for axis in AXES:
        choice: Choice = getattr(settings, axis)
        parameters = registries[axis].options(choice.name)
        axes[axis] = Choice(choice.name, filled(choice.options, parameters))
    return dataclasses.replace(settings, loop=filled(settings.loop, _loop_options()), **axes)


def build(
    model: str,
    image_shape: tuple[int, ...] = (28, 28, 1),
    num_classes: int | None = None,
    **overrides: Any,
) -> GAN:
    """Build a named GAN, compiled with its optimizers.

    Args:
        model: name in `MODELS`.
        image_shape: `(height, width, channels)`.
        num_classes: number of classes; None for the unconditional form.
        **overrides: as in `resolve`.

    Returns:
        The compiled `GAN` (a `ConditionalGAN` where there are classes).

    Example:
        >>> gan = build("survey_cgan", num_classes=10, seed=1)
        >>> gan.fit(load("mnist", batch_size=128), epochs=1)
    """
    settings = resolve(model, {"conditional": num_classes is not None, **overrides})
    return build_from_settings(settings, image_shape, num_classes)


def build_from_settings(
    settings: Settings, image_shape: tuple[int, ...], num_classes: int | None
) -> GAN:
    """Build the compiled GAN that `settings` describe.

    Args:
        settings: resolved settings.
        image_shape: shape of the data.
        num_classes: number of classes of the data; used where `settings.conditional`.

    Raises:
        SettingError: conditional, but the data has no classes.
    """
    from tfgan_survey.models import GAN, ConditionalGAN

    if settings.conditional and num_classes is None:
        raise SettingError(f"{settings.model} is conditional: it needs num_classes.")
    registries = _registries()

    def make(axis: str, *args, **kwargs):
        choice: Choice = getattr(settings, axis)
        return registries[axis][choice.name](*args, **choice.options, **kwargs)

    with _precision(settings.precision):
        pair = make(
            "network",
            image_shape,
            num_classes if settings.conditional else None,
            seed=settings.seed,
        )
        model = (ConditionalGAN if settings.conditional else GAN)(
            pair,
            make("objective"),
            make("regularizer"),
            **settings.loop,
            seed=settings.seed,
            name=settings.model,
        )
    model.compile(
        make("d_optimizer"),
        make("g_optimizer"),
        jit_compile=settings.jit_compile,
        steps_per_execution=settings.steps_per_execution,
    )
    return model


def _registries() -> dict[str, Any]:
    """Return the axes; imported here because they import TensorFlow."""
    from tfgan_survey.models.optimizers import OPTIMIZERS
    from tfgan_survey.networks import NETWORKS
    from tfgan_survey.objectives import OBJECTIVES
    from tfgan_survey.regularizers import REGULARIZERS

    return {
        "network": NETWORKS,
        "objective": OBJECTIVES,
        "regularizer": REGULARIZERS,
        "d_optimizer": OPTIMIZERS,
        "g_optimizer": OPTIMIZERS,
    }


def _loop_options() -> dict[str, Any]:
    from tfgan_survey.models import GAN

    return {name: p for name, p in options_of(GAN).items() if name != "regularizer"}


def _axis_names(recipe: Recipe, overrides: dict[str, Any]) -> dict[str, str]:
    """Take the axis choices out of the overrides."""
    both = overrides.pop("optimizer", recipe.optimizer)
    defaults = {
        "network": recipe.network,
        "objective": recipe.objective,
        "regularizer": recipe.regularizer,
        "d_optimizer": both,
        "g_optimizer": both,
    }
    return {axis: overrides.pop(axis, default) for axis, default in defaults.items()}


def _accepted(registries, names) -> dict[str, list[tuple[str, str, Any]]]:
    """Map each flat key to the (axis, option, type) places that it sets."""
    hints = typing.get_type_hints(Settings)
    accepted: dict[str, list[tuple[str, str, Any]]] = {
        name: [("run", name, hints[name])] for name in _RUN_FIELDS
    }
    for name, parameter in _loop_options().items():
        accepted[name] = [("loop", name, parameter.annotation)]
    for axis, name in names.items():
        for option, parameter in registries[axis].options(name).items():
            place = (axis, option, parameter.annotation)
            accepted.setdefault(option, []).append(place)
            if axis in _OPTIMIZER_PREFIXES:
                accepted[_OPTIMIZER_PREFIXES[axis] + option] = [place]
    return accepted


def _options(values, axis: str, parameters) -> dict[str, Any]:
    return {name: values.get((axis, name), p.default) for name, p in parameters.items()}


def _other_dataset(recipe: Recipe, overrides: Mapping[str, Any]) -> bool:
    """Whether the data set was replaced: a split chosen for one does not fit another."""
    own = recipe.options.get("dataset", _DATASET)
    return overrides.get("dataset", own) != own


def _belongs_to_replaced(key: str, recipe: Recipe, names, registries) -> bool:
    """Whether a recipe's option is one of an axis value that an override replaced."""
    original = _axis_names(recipe, {})
    return key in _accepted(registries, original) and original != names


def _unknown_key(model: str, key: str, accepted, names) -> SettingError:
    close = nearest(key, [*accepted, *AXES, "optimizer"])
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    parts = ", ".join(dict.fromkeys(names.values()))
    return SettingError(
        f"setting {key!r} does nothing in {model} ({parts}); {hint}"
        f"Accepted: {', '.join(sorted([*accepted, *AXES, 'optimizer']))}."
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
