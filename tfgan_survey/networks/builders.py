"""The public form of builders: what every value of a network axis is asked for, and its options."""

from __future__ import annotations

import functools
import inspect
import re
import typing
from collections.abc import Callable, Sequence

from tfgan_survey.conditions import Condition
from tfgan_survey.networks.initializers import InitializerName
from tfgan_survey.registry import Units

# What the public form of a builder takes in place of `spec` and `initializers`.
_IN_PLACE_OF_SPEC = """\
    image_shape: shape of one image `(h, w, c)` or point `(features,)`.
    num_classes: number of classes; None for the unconditional form.
    condition: another condition, such as `tfgan_survey.conditions.Vector`.
    seed: seed of the weights, and of dropout.
    latent_dim: width of the latent.
"""
_LATENT = "    latent: distribution of the latent, one of `tfgan_survey.layers.sampling.LATENTS`.\n"
_INITIALIZER = "    initializer: see `Initializers`.\n"


def public_form(
    build: Callable,
    returns: type,
    *,
    latent_dim: int,
    latent: str | None,
    initializer: str | None,
) -> tuple[inspect.Signature, str]:
    """Return a builder's public signature and docstring, which settings are read off.

    Args:
        build: a function of a spec, initializers and, by keyword, its own options.
        returns: what the public form returns.
        latent_dim: default width of the latent.
        latent: default distribution of the latent; None where it is no choice.
        initializer: the default; None where the initial weights are no choice.
    """
    types = typing.get_type_hints(build, include_extras=True)
    own = [
        one.replace(annotation=types[name])
        for name, one in inspect.signature(build).parameters.items()
        if one.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    keyword = functools.partial(inspect.Parameter, kind=inspect.Parameter.KEYWORD_ONLY)
    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter("image_shape", either, annotation=Sequence[int]),
        inspect.Parameter("num_classes", either, annotation=int | None, default=None),
        keyword("condition", annotation=Condition | None, default=None),
        keyword("seed", annotation=int, default=0),
        keyword("latent_dim", annotation=Units, default=latent_dim),
    ]
    text = _IN_PLACE_OF_SPEC
    if latent is not None:
        parameters.append(keyword("latent", annotation=str, default=latent))
        text += _LATENT
    parameters += own
    if initializer is not None:
        parameters.append(keyword("initializer", annotation=InitializerName, default=initializer))
        text += _INITIALIZER
    doc = inspect.getdoc(build) or ""
    doc = re.sub(r" {4}spec: .*\n {4}initializers: .*\n", lambda _: text, doc, count=1)
    return inspect.Signature(parameters, return_annotation=returns), doc
