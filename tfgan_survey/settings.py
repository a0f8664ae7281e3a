"""The settings of one run: a frozen record that refuses what it does not know."""

from __future__ import annotations

import dataclasses
import json
import numbers
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, Lt

from tfgan_survey.errors import RunError, SettingError, nearest
from tfgan_survey.registry import Count, parse_value

# Reaching further with the same run is no other run.
BUDGET = ("epochs", "steps")
# The largest size or count that every kernel and counter below holds.
_LARGEST = 2**31 - 1
# A batch of one colour picture of the largest size has 3 GB.
Side = Annotated[int, Ge(1), Le(2**14)]
Seed = Annotated[int, Ge(0), Lt(2**31)]
# Kept beside the run's own fields, so no axis may be called so.
NOT_OPTIONS = ("model", "family", "parts", "loop")


@dataclass(frozen=True)
class Choice:
    """A value on an axis: its registered name and its resolved options.

    Args:
        name: as registered.
        options: its constructor's parameters by name.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """Everything that decides what a run computes: a family, its parts, data and budget.

    A part can be read as an attribute: `settings.objective` is `settings.parts["objective"]`.

    Args:
        model: name in the zoo.
        dataset: name of the data set.
        parts: axis to choice; which axes there are, the family declares.
        loop: further keyword arguments of the family's model.
        family: kind of model, see `tfgan_survey.models.FAMILIES`.
        split: which of its images, in original order, for example `train[:50000]`.
        conditional: whether the networks see labels.
        image_size: side to which images are resized; None keeps the data's own.
        image_crop: whether resizing cuts out the middle instead of stretching the whole.
        image_channels: 1 to make images grey, 3 for colour; None keeps the data's own.
        batch_size: real images a step.
        epochs: passes over the data; None where `steps` counts.
        steps: training steps; None where `epochs` counts.
        start_from: run folder, `.keras` file or name of a pretrained model whose weights a new
            training starts from; None for weights drawn anew.
        seed: the one seed: weights, order of the data, latents, penalties.
        precision: `float32`; `bfloat16` for the networks' activations; `float64` for weights and
            activations, to compare runs beyond float32's rounding.
        deterministic: whether TensorFlow's deterministic kernels are forced.
        jit_compile: XLA on or off.
        steps_per_execution: steps between two calls of the callbacks.
    """

    model: str
    dataset: str
    parts: Mapping[str, Choice]
    loop: Mapping[str, Any] = field(default_factory=dict)
    family: str = "gan"
    split: str = "train"
    conditional: bool = False
    image_size: Side | None = None
    image_crop: bool = False
    image_channels: int | None = None
    batch_size: Count = 128
    epochs: Count | None = None
    steps: Count | None = None
    start_from: str | None = None
    seed: Seed = 0
    precision: Literal["float32", "bfloat16", "float64"] = "float32"
    deterministic: bool = False
    jit_compile: bool = True
    steps_per_execution: Count = 16

    def __post_init__(self):
        if (self.epochs is None) == (self.steps is None):
            raise SettingError(
                f"epochs={self.epochs}, steps={self.steps}: give exactly one of the two."
            )
        for name, annotation in typing.get_type_hints(type(self), include_extras=True).items():
            if name not in NOT_OPTIONS:
                value = parse_value(name, getattr(self, name), annotation)
                object.__setattr__(self, name, value)
        if self.image_channels is not None:
            check_channels(self.image_channels, "image_channels")

    @property
    def form(self) -> dict[str, int | bool | None]:
        """What images are made into as they are loaded: the keywords of `load_arrays`."""
        return {
            "image_size": self.image_size,
            "channels": self.image_channels,
            "crop": self.image_crop,
        }

    def __getattr__(self, name: str) -> Choice:
        """Return a part by its axis."""
        parts = self.__dict__.get("parts", {})
        if name not in parts:
            raise AttributeError(f"settings have no field and no axis {name!r}.")
        return parts[name]

    def to_dict(self) -> dict[str, Any]:
        """Return a nested dictionary of plain values; each axis has its own key beside the rest."""
        values = dataclasses.asdict(self)
        return json.loads(json.dumps({**values.pop("parts"), **values}))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Settings:
        """Build from `to_dict`'s result, also of a version that knew one family only.

        Args:
            values: plain JSON values by setting.

        Raises:
            SettingError: a key is unknown or missing.
        """
        fields = [f.name for f in dataclasses.fields(cls) if f.name != "parts"]
        parts, rest = {}, {}
        for key, value in values.items():
            if key in fields:
                rest[key] = value
            elif isinstance(value, Mapping) and {"name", "options"} == set(value):
                parts[key] = Choice(value["name"], _tuples(value["options"]))
            else:
                raise SettingError(f"unknown setting {key!r}; nearest: {nearest(key, fields)}.")
        missing = [name for name in ("model", "dataset") if name not in rest]
        if missing or not parts:
            raise SettingError(
                f"settings {missing or 'of the parts'} are missing; every saved run has them."
            )
        rest["loop"] = _tuples(rest.get("loop", {}))
        return cls(parts=parts, **rest)

    def flat(self) -> dict[str, Any]:
        """Return one level: `network.width`, `objective`, `batch_size`, ... to plain values.

        These are the full keys of `tfgan_survey.zoo.resolve`.
        """
        flat: dict[str, Any] = {}
        for key, value in self.to_dict().items():
            if isinstance(value, dict) and "name" in value:
                flat[key] = value["name"]
                flat.update({f"{key}.{name}": v for name, v in value["options"].items()})
            elif isinstance(value, dict):
                flat.update({f"{key}.{name}": v for name, v in value.items()})
            else:
                flat[key] = value
        return flat

    def overrides(self, budget: bool = False) -> dict[str, Any]:
        """Return the overrides of the model that `tfgan_survey.zoo.resolve` makes into these.

        Args:
            budget: whether epochs and steps are among them.
        """
        left_out = ("model", "family", *(() if budget else BUDGET))
        return {key: value for key, value in self.flat().items() if key not in left_out}

    def check_same_run(self, other: Settings) -> None:
        """Refuse to go on with a run under other settings; the budget may change.

        Args:
            other: the settings asked for now.

        Raises:
            RunError: settings differ; the message lists each with both values.
        """
        ours, theirs = self.flat(), other.flat()
        different = [
            f"{key} (run: {ours.get(key)!r}, asked: {theirs.get(key)!r})"
            for key in sorted(set(ours) | set(theirs))
            if key not in BUDGET and ours.get(key) != theirs.get(key)
        ]
        if different:
            raise RunError(
                f"the run was started with other settings: {'; '.join(different)}. Resume without "
                "these flags, or train into another --output."
            )


def check_whole(name: str, value: Any, *, smallest: int = 1, largest: int = _LARGEST) -> int:
    """Return a whole number, or refuse what is none or outside its range.

    Args:
        name: what the number is, for the message.
        value: what came; 2.5 and True are no whole numbers.
        smallest: lowest value allowed.
        largest: highest value allowed.

    Returns:
        The value as an `int`.

    Raises:
        SettingError: a `ValueError` that names the value and the range.
    """
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or not smallest <= value <= largest:
        raise SettingError(f"{name}={value!r}: expected {smallest} to {largest}, a whole number.")
    return int(value)


def check_channels(channels: int, name: str = "channels") -> int:
    """Return a number of channels that images may have.

    Args:
        channels: 1 or 3.
        name: of the setting, for the message.

    Raises:
        SettingError: another number.
    """
    if channels not in (1, 3):
        raise SettingError(f"{name} is {channels!r}; expected 1 (grey) or 3 (colour).")
    return channels


def is_between(value: Any, low: float, high: float) -> bool:
    """Whether a real number lies strictly inside; NaN, text and True do not.

    Args:
        value: what came.
        low: lower bound.
        high: upper bound.
    """
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return real and low < value < high


def _tuples(options: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no tuples; options do."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
