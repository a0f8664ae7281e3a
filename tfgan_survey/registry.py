"""Axis values by name, and their typed options read off their signatures.

A value on an axis (an objective, a regularizer, a network pair, an optimizer) is a class or a
function. Its keyword parameters with defaults *are* its settings: `--set key=value` accepts exactly
them, so an option cannot exist without effect and cannot be misspelt in silence.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import pkgutil
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen

from tfgan_survey.errors import SettingError, nearest, unknown_name

# Ranges, declared once: the types of options. Numbers are finite in any case.
Count = Annotated[int, Ge(1), Lt(2**31)]
Units = Annotated[int, Ge(1), Le(2**16)]  # of a layer; beyond it a typing error
Widths = Annotated[tuple[Units, ...], MinLen(1)]
Positive = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]
Probability = Annotated[float, Ge(0), Le(1)]
Share = Annotated[float, Gt(0), Le(1)]
BelowOne = Annotated[float, Ge(0), Lt(1)]
Inside = Annotated[float, Gt(0), Lt(1)]

_DECIDED_ELSEWHERE = ("seed", "name", "num_classes", "condition")


class Registry(Mapping[str, Any]):
    """Read-only mapping from a name to what it names, mostly a class or a function.

    Args:
        kind: what the names stand for, used in error messages ("objective").
        values: what is named, by name.
    """

    def __init__(self, kind: str, values: Mapping[str, Any]):
        self.kind = kind
        self._values = dict(sorted(values.items()))

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            raise unknown_name(self.kind, name, self._values)
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def options(self, name: str) -> dict[str, inspect.Parameter]:
        """Return the settable parameters of the value called `name` (see `options_of`).

        Args:
            name: of a registered value.
        """
        return options_of(self[name])


@dataclasses.dataclass(frozen=True)
class Axis:
    """One of the axes that a family of models is composed along.

    Args:
        registry: the values by name.
        argument: where a chosen value goes: a parameter of the model's constructor, or of its
            `compile` where the role is `optimizer`.
        role: `network` values are built for the data (image_shape, num_classes, seed), the others
            from their options alone; an `optimizer` is for `compile`.
        default: the value where a recipe chooses none; None where it has to.
    """

    registry: Registry
    argument: str
    role: Literal["network", "part", "optimizer"] = "part"
    default: str | None = None


def discover(
    kind: str, package: str, path: list[str], base: type, attribute: str = "name"
) -> Registry:
    """Import every module of a package and register the subclasses of `base` found there.

    A new value therefore touches its own file only; there is no second list to keep in step.

    Args:
        kind: what the names stand for, used in error messages.
        package: dotted name of the package.
        path: the package's `__path__`.
        base: subclasses of it that carry their own `attribute` are registered under its value.
        attribute: where a class says how it is called.

    Raises:
        ValueError: two classes claim one name.
    """
    found: dict[str, type] = {}
    for module_info in pkgutil.iter_modules(path):
        module = importlib.import_module(f"{package}.{module_info.name}")
        for value in vars(module).values():
            own = isinstance(value, type) and value.__module__ == module.__name__
            if own and issubclass(value, base) and attribute in vars(value):
                name = getattr(value, attribute)
                if name in found:
                    raise ValueError(f"two {kind}s are called {name!r}")
                found[name] = value
    return Registry(kind, found)


def options_of(function: Callable) -> dict[str, inspect.Parameter]:
    """Return the keyword parameters that have a default, annotations resolved.

    Left out is what the caller decides: the run's one seed, the data's classes, Keras' names.

    Args:
        function: a class or function.
    """
    target = function.__init__ if isinstance(function, type) else function
    hints = typing.get_type_hints(target, include_extras=True)
    return {
        name: parameter.replace(annotation=hints.get(name, Any))
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is not inspect.Parameter.empty and name not in _DECIDED_ELSEWHERE
    }


def parse_value(key: str, value: Any, annotation: Any) -> Any:
    """Turn an option's value, or the text of `--set key=text`, into the annotated type.

    Args:
        key: the option's name, for the message.
        value: text or a value. Text may be `true` or `false`, a tuple's parts with commas between
            them, and `none` where the annotation allows None (unless that is a choice's own name).
        annotation: `bool`, `int`, `float`, `str`, `Literal`, tuples of these, unions with None, and
            `Annotated` with a range such as `Count`. Numbers must be finite.

    Returns:
        The value in its type.

    Raises:
        SettingError: the value is not of the type or outside its range; the message names the key,
            the value and what was expected.
    """
    from pydantic import ValidationError

    try:
        return _adapter(annotation).validate_python(_plain(value, annotation))
    except ValidationError:
        shown = value if isinstance(value, str) else repr(value)
        close = nearest(value, choices(annotation))
        hint = f" Did you mean {' or '.join(close)}?" if close else ""
        raise SettingError(f"{key}={shown}: expected {accepted(annotation)}.{hint}") from None


def shown_value(value: Any) -> str:
    """Return an option's value as `--set key=text` takes it.

    Args:
        value: a plain value, such as a default.
    """
    if isinstance(value, (tuple, list)):
        return ",".join(map(shown_value, value))
    named = {None: "none", True: "true", False: "false"}
    return named[value] if value is None or isinstance(value, bool) else str(value)


def checked(function: Callable) -> Callable:
    """Let a function or constructor take its options only within their annotated ranges.

    The same declaration serves `--set key=text` and a call from Python.

    Args:
        function: its parameters' annotations are the ranges; one without is not checked.

    Raises:
        SettingError: from the decorated function, see `parse_value`.
    """
    signature = inspect.signature(function)
    annotations: dict[str, Any] = {}

    @functools.wraps(function)
    def with_checks(*args, **kwargs):
        if not annotations:  # not at definition: names may be defined further down
            annotations.update({k: p.annotation for k, p in options_of(function).items()})
        given = signature.bind(*args, **kwargs)
        for name, value in given.arguments.items():
            if annotations.get(name, Any) is not Any:
                given.arguments[name] = parse_value(name, value, annotations[name])
        return function(*given.args, **given.kwargs)

    with_checks.__signature__ = signature  # Keras reads layers' without following the wrapper
    return with_checks


@functools.cache
def _adapter(annotation: Any):
    from pydantic import TypeAdapter  # here: listing models needs no validation

    # Parts of a model, such as an optional regularizer, are checked for their class.
    return TypeAdapter(annotation, config={"allow_inf_nan": False, "arbitrary_types_allowed": True})


def _members(annotation: Any) -> list[Any]:
    """Return the types of a union, else the one type, without their ranges."""
    if get_origin(annotation) in (types.UnionType, typing.Union):
        return [member for one in get_args(annotation) for member in _members(one)]
    return _members(get_args(annotation)[0]) if _is_annotated(annotation) else [annotation]


def choices(annotation: Any) -> list[Any]:
    """Return the values of an option that takes few, in order; [] for any other type.

    Args:
        annotation: see `parse_value`.
    """
    literals = [one for one in _members(annotation) if get_origin(one) is Literal]
    return [choice for one in literals for choice in get_args(one)]


def _is_annotated(annotation: Any) -> bool:
    return get_origin(annotation) is Annotated


def _plain(value: Any, annotation: Any) -> Any:
    """Return what pydantic reads as we mean it: no truth values as numbers, text split up."""
    members = _members(annotation)
    if isinstance(value, str):
        named = "none" in choices(annotation)
        if type(None) in members and value.lower() == "none" and not named:
            return None
        if bool in members:
            return {"true": True, "false": False}.get(value.lower(), "neither")
        if any(get_origin(member) is tuple for member in members):
            return tuple(part for part in value.split(",") if part != "")
    if isinstance(value, bool) and bool not in members:
        return str(value)  # True is no number
    if bool in members and type(value) in (int, float) and not {int, float} & {*members}:
        return "neither"  # and 1 is no truth value
    if str in members and value is not None:
        return str(value)
    return value


def accepted(annotation: Any) -> str:
    """Return in words what an option of this type takes.

    Args:
        annotation: see `parse_value`.
    """
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(accepted(one) for one in args)
    if origin is Literal:
        return f"one of {', '.join(map(str, args))}"
    if origin is tuple:
        return f"values separated by commas, each {accepted(args[0])}"
    if _is_annotated(annotation):
        apart = ", " if isinstance(args[1], MinLen) else " "
        return f"{accepted(args[0])}{apart}{' and '.join(_bound(bound) for bound in args[1:])}"
    names = {bool: "true or false", type(None): "none"}
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _bound(bound: Any) -> str:
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    (key, number), *_ = dataclasses.asdict(bound).items()
    return f"at least {number} of them" if key == "min_length" else f"{words[key]} {number}"


class Configured:
    """Give a class `get_config` and `from_config` from its constructor's parameters.

    Every parameter must be kept as an attribute of the same name. Options are checked against the
    ranges of their annotations (`checked`).
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = checked(cls.__init__)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]):
        """Build the object from what `get_config` returned, in this version or an earlier one."""
        return cls(**{**cls.earlier(config), **config})

    @classmethod
    def earlier(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return what earlier versions computed where a newer option's default is another.

        Args:
            given: the options that were recorded; those options that are not among them did not
                exist then.

        Returns:
            Values of options that exist since; those that are missing have their default.
        """
        return {}

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"
