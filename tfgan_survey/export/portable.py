"""What ONNX and LiteRT share: one function of a model in one file, checked where it will run."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_survey.errors import RunError
from tfgan_survey.export.base import Format
from tfgan_survey.files import LARGEST_VERSION
from tfgan_survey.models.trainable import TrainableModel

TOLERANCE = 1e-4
"""Largest difference of an answer from the model's own, in [0, 1]: a fortieth of a grey level.

Differences seen are below 1e-6; of numbers above 1 it is a share of the largest.
"""
# Rows of the check; of classes, each has one at least.
_ROWS = 16

Run = Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]


class PortableFormat(Format):
    """A form whose version is one file with one function, for runtimes without TensorFlow.

    Why:
        Neither form can refuse an input. Where a row of the condition is none, such as a label
        out of range, all images of the batch are NaN instead of plausible.
    """

    def write(self, model, path, served_as, card, log):
        """Write the file, run it in its runtime and compare; see `Format.write`.

        Raises:
            RunError: the form lacks an operation of this model, or its runtime answers otherwise.
        """
        function, specs = portable_function(model)
        try:
            content = self.convert(model, function, specs, card)
            run = self.runtime(content)
        except Exception as error:  # each library has its own, of any kind
            raise RunError(
                f"{model.name} cannot be written as {self.name}: {_first_line(error)}. "
                "Its SavedModel can do what TensorFlow can: --format saved_model."
            ) from error
        difference = largest_difference(model, specs, run)
        if not difference <= TOLERANCE:  # NaN is none
            raise RunError(
                f"{model.name} as {self.name} answers up to {difference:.2g} beside the model's "
                f"own answers; expected at most {TOLERANCE:g}. Nothing was written; export it with "
                "--format saved_model."
            )
        path.write_bytes(content)
        log(f"{self.name}: checked on {_rows(model)} seeds, largest difference {difference:.1g}")

    @abc.abstractmethod
    def convert(
        self,
        model: TrainableModel,
        function: Callable,
        specs: Sequence[tf.TensorSpec],
        card: Mapping[str, Any],
    ) -> bytes:
        """Return the file's content.

        Args:
            model: holds the variables that the function reads.
            function: of tensors, to a dict of tensors.
            specs: of its inputs.
            card: facts to be kept inside.
        """

    @abc.abstractmethod
    def runtime(self, content: bytes) -> Run:
        """Return a function that runs a file's content in its own runtime.

        Args:
            content: what `convert` returned.
        """

    def versions(self, output):
        """Return the files that are named by a number."""
        found = {}
        for path in sorted(output.glob(f"*{self.suffix}")):
            stem = path.name.removesuffix(self.suffix)
            if stem.isascii() and stem.isdigit() and int(stem) <= LARGEST_VERSION:
                found.setdefault(int(stem), Path(path))
        return dict(sorted(found.items()))


def portable_function(model: TrainableModel) -> tuple[Callable, list[tf.TensorSpec]]:
    """Return the function that a file of one function holds, and the specs of its inputs.

    Args:
        model: of one that samples, it maps latents (and the condition's rows) to images; of
            another that encodes, codes to images; of others, it is what the server answers when
            nothing is named.

    Raises:
        RunError: the model declares none of these.
    """
    declared = model.signatures()
    named = ("serving_default",) if "sample" in model.abilities else ("decode", "serving_default")
    name = next((one for one in named if one in declared), None)
    if name is None:
        raise RunError(
            f"{model.name} declares no {' or '.join(named)}; it has {', '.join(declared)}, which "
            "its SavedModel can be asked for: --format saved_model."
        )
    function, specs = declared[name]
    places = [place for place, spec in enumerate(specs) if _is_condition(model, spec)]

    def guarded(*inputs):
        answers = function(*inputs)
        for place in places:
            condition = model.spec.condition
            outside = condition.outside(condition.typed(inputs[place]))
            fault = tf.where(outside, float("nan"), 0.0)
            answers = {name: value + fault for name, value in answers.items()}
        return answers

    return guarded, specs


def largest_difference(model: TrainableModel, specs: Sequence[tf.TensorSpec], run: Run) -> float:
    """Return how far answers of a file are from the model's own.

    Args:
        model: asked by `generate` where it samples: seeds from 0 on, all classes in turn.
        specs: of the file's inputs.
        run: runs the file; asked for all rows at once and for the first alone.

    Returns:
        The largest absolute difference, NaN where a number is none; of answers beyond 1 divided by
        the largest of them.
    """
    inputs = _questions(model, specs)
    if "sample" in model.abilities:
        rows = next((inputs[one.name] for one in specs if _is_condition(model, one)), None)
        wanted = {"images": model.generate(_rows(model), rows, seed=0)}
    else:
        function, _ = portable_function(model)
        answers = tf.function(function)(*(tf.constant(inputs[one.name]) for one in specs))
        wanted = {name: value.numpy() for name, value in answers.items()}
    found = []
    for part in (slice(None), slice(1)):
        made = run({name: value[part] for name, value in inputs.items()})
        for name, value in wanted.items():
            scale = max(1.0, float(np.abs(value).max()))
            found.append(np.abs(made[name] - value[part]).max() / scale)
    return float(np.max(found))


def _questions(model: TrainableModel, specs: Sequence[tf.TensorSpec]) -> dict[str, np.ndarray]:
    """Return rows for each input: latents of seeds, codes of noise, the condition's examples."""
    num = _rows(model)
    noise = np.random.default_rng(0).random
    found = {}
    for spec in specs:
        if _is_condition(model, spec):
            found[spec.name] = model.spec.condition.examples(num)
        elif spec.name == "latent":
            found[spec.name] = model.latents(tf.range(num, dtype=tf.int64)).numpy()
        elif spec.name == "code":
            images = noise((num, *model.spec.image_shape), np.float32)
            told = [model.spec.condition.examples(num)] if model.spec.conditional else []
            found[spec.name] = model.encode(images, *told)
        else:
            found[spec.name] = noise((num, *spec.shape[1:]), np.float32)
    return found


def _rows(model: TrainableModel) -> int:
    return max(_ROWS, model.spec.num_classes or 0)


def _is_condition(model: TrainableModel, spec: tf.TensorSpec) -> bool:
    return model.spec.conditional and spec.name == model.spec.condition.input_name


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[0].strip().rstrip(".")[:200]
