"""Axis values by name, and their typed options read off their signatures.

A value on an axis (an objective, a regularizer, a network pair, an optimizer) is a class or a
function. Its keyword parameters with defaults *are* its settings: `--set key=value` accepts exactly
them, so an option cannot exist without effect and cannot be misspelt in silence.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from tfgan_survey.errors import SettingError, unknown_name

_DECIDED_ELSEWHERE = ("seed", "name", "num_classes")


class Registry(Mapping[str, Callable]):
    """Read-only mapping from a name to the class or function that it names.

    Args:
        kind: what the names stand for, used in error messages ("objective").
        values: name to class or function.
    """

    def __init__(self, kind: str, values: Mapping[str, Callable]):
        self.kind = kind
        self._values = dict(sorted(values.items()))

    def __getitem__(self, name: str) -> Callable:
        if name not in self._values:
            raise unknown_name(self.kind, name, self._values)
        return self._values[name]

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


def discover(kind: str, package: str, path: list[str], base: type) -> Registry:
    """Import every module of a package and register the subclasses of `base` found there.

    A new value therefore touches its own file only; there is no second list to keep in step.

    Args:
        kind: what the names stand for, used in error messages.
        package: dotted name of the package.
        path: the package's `__path__`.
        base: subclasses of it that carry their own `name` attribute are registered under it.

    Raises:
        ValueError: two classes claim one name.
    """
    found: dict[str, type] = {}
    for module_info in pkgutil.iter_modules(path):
        module = importlib.import_module(f"{package}.{module_info.name}")
        for value in vars(module).values():
            own = isinstance(value, type) and value.__module__ == module.__name__
            if own and issubclass(value, base) and "name" in vars(value):
                if value.name in found:
                    raise ValueError(f"two {kind}s are called {value.name!r}")
                found[value.name] = value
    return Registry(kind, found)


def options_of(function: Callable) -> dict[str, inspect.Parameter]:
    """Return the keyword parameters that have a default, annotations resolved.

    Left out is what the caller decides: the run's one seed, the data's classes, Keras' names.

    Args:
        function: a class or function.
    """
    target = function.__init__ if isinstance(function, type) else function
    hints = typing.get_type_hints(target)
    return {
        name: parameter.replace(annotation=hints.get(name, Any))
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is not inspect.Parameter.empty and name not in _DECIDED_ELSEWHERE
    }


def parse_value(key: str, text: Any, annotation: Any) -> Any:
    """Turn the text of `--set key=text` into a value of the annotated type.

    Accepts `bool`, `int`, `float`, `str`, `Literal`, tuples of one of these (comma-separated) and
    `None` where the annotation allows it (`none`, unless that is a choice's own name). Values that
    already have a type are checked only.

    Args:
        key: name of the setting, for messages.
        text: what came; a value that is no text is checked and kept.
        annotation: type that the parameter is declared with.

    Raises:
        SettingError: the text is not of the type; the message names the key, the text and the type.
    """
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (types.UnionType, typing.Union):
        named = any("none" in get_args(a) for a in args if get_origin(a) is Literal)
        if type(None) in args and (text is None or (str(text).lower() == "none" and not named)):
            return None
        last: SettingError | None = None
        for option in (a for a in args if a is not type(None)):
            try:
                return parse_value(key, text, option)
            except SettingError as error:
                last = error
        raise last
    if origin is Literal:
        for option in args:
            if str(text) == str(option):
                return option
        raise SettingError(f"{key}={text}: expected one of {', '.join(map(str, args))}.")
    if origin is tuple:
        parts = str(text).split(",") if isinstance(text, str) else list(text)
        return tuple(parse_value(key, part, args[0]) for part in parts if part != "")
    return _parse_scalar(key, text, annotation)


def _parse_scalar(key: str, text: Any, kind: type) -> Any:
    wrong = SettingError(f"{key}={text}: expected {getattr(kind, '__name__', kind)}.")
    if kind is bool:
        if str(text).lower() in ("true", "false"):
            return str(text).lower() == "true"
        raise SettingError(f"{key}={text}: expected true or false.")
    if kind in (int, float):
        if isinstance(text, bool):
            raise wrong
        try:
            return kind(text) if isinstance(text, str) else kind(_exact(text, kind))
        except (TypeError, ValueError):
            raise wrong from None
    if kind is str:
        return str(text)
    return text


def _exact(number: Any, kind: type) -> Any:
    """Refuse to cut 2.5 down to the int 2."""
    if kind is int and int(number) != number:
        raise ValueError(number)
    return number


class Configured:
    """Give a class `get_config` and `from_config` from its constructor's parameters.

    Every parameter must be kept as an attribute of the same name.
    """

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]):
        """Build the object from what `get_config` returned."""
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"
