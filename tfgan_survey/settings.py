"""The settings of one run: a frozen record that refuses what it does not know."""

from __future__ import annotations

import dataclasses
import json
import numbers
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tfgan_survey.errors import RunError, SettingError, nearest
from tfgan_survey.registry import parse_value

# Reaching further with the same run is no other run.
BUDGET = ("epochs", "steps")
# The largest size or count that every kernel and counter below holds.
_LARGEST = 2**31 - 1
_LARGEST_SIDE = 2**14  # of an image: a batch of one colour picture has 3 GB there
AXES = ("network", "objective", "regularizer", "d_optimizer", "g_optimizer")


@dataclass(frozen=True)
class Choice:
    """A value on an axis: its registered name and its resolved options."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """Everything that decides what a run computes.

    Args:
        model: name in the zoo.
        dataset: name of the data set.
        split: which of its images, in original order, for example `train[:50000]`.
        conditional: whether the networks see labels.
        image_size: side to which images are resized; None keeps the data's own.
        batch_size: real images a step.
        epochs: passes over the data; None where `steps` counts.
        steps: training steps; None where `epochs` counts.
        seed: the one seed: weights, order of the data, latents, penalties.
        precision: `float32`, or `bfloat16` for the networks' activations.
        deterministic: whether TensorFlow's deterministic kernels are forced.
        jit_compile: XLA on or off.
        steps_per_execution: steps between two calls of the callbacks.
        network: the network axis.
        objective: the objective axis.
        regularizer: the regularizer axis.
        d_optimizer: the discriminator's optimizer.
        g_optimizer: the generator's optimizer.
        loop: keyword arguments of `GAN`.
    """

    model: str
    dataset: str
    network: Choice
    objective: Choice
    regularizer: Choice
    d_optimizer: Choice
    g_optimizer: Choice
    loop: Mapping[str, Any] = field(default_factory=dict)
    split: str = "train"
    conditional: bool = False
    image_size: int | None = None
    batch_size: int = 128
    epochs: int | None = None
    steps: int | None = None
    seed: int = 0
    precision: Literal["float32", "bfloat16"] = "float32"
    deterministic: bool = False
    jit_compile: bool = True
    steps_per_execution: int = 16

    def __post_init__(self):
        if (self.epochs is None) == (self.steps is None):
            raise SettingError(
                f"epochs={self.epochs}, steps={self.steps}: give exactly one of the two."
            )
        for name, annotation in typing.get_type_hints(type(self)).items():
            if name not in (*AXES, "loop"):
                value = parse_value(name, getattr(self, name), annotation)
                object.__setattr__(self, name, value)
        for name in ("batch_size", "steps_per_execution", "epochs", "steps", "image_size"):
            if getattr(self, name) is not None:
                largest = _LARGEST_SIDE if name == "image_size" else _LARGEST
                check_whole(name, getattr(self, name), largest=largest)
        check_whole("seed", self.seed, smallest=0)

    def to_dict(self) -> dict[str, Any]:
        """Return a nested dictionary of plain values."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Settings:
        """Build from `to_dict`'s result.

        Raises:
            SettingError: a key is unknown or missing.
        """
        values = dict(values)
        fields = {f.name: f for f in dataclasses.fields(cls)}
        for key in values:
            if key not in fields:
                raise SettingError(f"unknown setting {key!r}; nearest: {nearest(key, fields)}.")
        missing = [n for n in ("model", "dataset", *AXES) if n not in values]
        if missing:
            raise SettingError(f"settings {missing} are missing; every saved run has them.")
        for key in AXES:
            values[key] = Choice(values[key]["name"], _tuples(values[key]["options"]))
        values["loop"] = _tuples(values.get("loop", {}))
        return cls(**values)

    def flat(self) -> dict[str, Any]:
        """Return one level: `network.width`, `objective`, `batch_size`, ... to plain values."""
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

    def check_same_run(self, other: Settings) -> None:
        """Refuse to go on with a run under other settings; the budget may change.

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


def _tuples(options: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no tuples; options do."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
