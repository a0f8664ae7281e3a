"""Options outside their ranges are refused where they come in, by name, value and range."""

import math
from typing import get_args, get_origin

import numpy as np
import pytest

from tfgan_survey.errors import SettingError
from tfgan_survey.models.optimizers import OPTIMIZERS
from tfgan_survey.networks import NETWORKS
from tfgan_survey.objectives import OBJECTIVES
from tfgan_survey.registry import parse_value
from tfgan_survey.regularizers import REGULARIZERS
from tfgan_survey.zoo import resolve

REGISTRIES = {r.kind: r for r in (NETWORKS, OBJECTIVES, REGULARIZERS, OPTIMIZERS)}
NUMBERS = [
    (kind, name, key, parameter.annotation)
    for kind, registry in REGISTRIES.items()
    for name in registry
    for key, parameter in registry.options(name).items()
    if isinstance(parameter.default, int | float | tuple) and parameter.default is not True
    and parameter.default is not False
]  # fmt: skip
# Whole numbers below 1 are no width, count or size; these may be any number or 0.
MAY_BE_ZERO = {
    *("real_target", "fake_target", "flip_probability", "weight", "target"),
    *("input_dropout", "dropout", "beta_1", "beta_2", "rho", "momentum", "learning_rate_floor"),
}


def _make(kind, name, **options):
    if kind == NETWORKS.kind:
        shape = (2,) if name == "points" else (8, 8, 1)
        return NETWORKS[name](shape, **options)
    return REGISTRIES[kind][name](**options)


def _is_tuple(annotation):
    return get_origin(annotation) is tuple or any(
        get_origin(part) is tuple for part in get_args(annotation)
    )


@pytest.mark.parametrize(("kind", "name", "key", "annotation"), NUMBERS)
def test_no_number_may_be_negative_or_not_finite(kind, name, key, annotation):
    wrong = [-1, math.nan, math.inf, -math.inf] + ([] if key in MAY_BE_ZERO else [0])
    if _is_tuple(annotation):
        wrong = [(number,) for number in wrong] + [()]
    for value in wrong:
        with pytest.raises(SettingError, match=f"^{key}=.*expected .*(above|at least)"):
            _make(kind, name, **{key: value})


@pytest.mark.parametrize(
    ("model", "key", "values"),
    [
        ("survey_gan", "latent_dim", ["0", "-3", "2.5", "70000", "true"]),
        ("survey_gan", "learning_rate", ["0", "-1e-3", "nan", "inf", "fast", "True"]),
        ("survey_gan", "d_learning_rate", ["-1"]),
        ("survey_gan", "beta_1", ["5", "1", "-0.1", "nan"]),
        ("survey_gan", "beta_2", ["1.0"]),
        ("survey_gan", "epsilon", ["0", "-1e-8"]),
        ("survey_gan", "decay", ["0.99", "-1", "nan"]),
        ("survey_gan", "learning_rate_floor", ["-1"]),
        ("survey_gan", "real_target", ["-0.1", "2.1", "nan"]),
        ("survey_gan", "fake_target", ["-0.1", "inf"]),
        ("survey_gan", "flip_probability", ["1.01", "-0.01", "nan"]),
        ("survey_gan", "discriminator_weight", ["0", "nan"]),
        ("survey_gan", "generator_widths", ["", "0", "8,0", "8,-1", "8,x", "8,2.5"]),
        ("gan_2014", "momentum", ["1", "-0.5"]),
        ("gan_2014", "final_momentum", ["1.5", "nan"]),
        ("gan_2014", "momentum_updates", ["0", "2147483648"]),
        ("gan_2014", "dropout", ["1", "-0.1"]),
        ("gan_2014", "pieces", ["0"]),
        ("cgan_2014", "label_width", ["0"]),
        ("dcgan", "width", ["0", "-4", "1e9"]),
        ("dcgan", "kernel_size", ["0"]),
        ("dcgan", "norm", ["batsch"]),
        ("wgan", "clip_value", ["0", "-1", "nan", "inf"]),
        ("wgan", "rho", ["1", "-0.1"]),
        ("wgan_gp", "weight", ["-1", "nan", "inf"]),
        ("wgan_gp", "target", ["-1", "nan"]),
        ("ls_gan", "margin_scale", ["0", "nan"]),
        ("fgan", "exponent_limit", ["0", "nan", "inf"]),
        ("fgan", "alpha", ["nan", "inf"]),
        ("fgan", "pi", ["0", "1", "nan"]),
        ("lsgan", "a", ["nan", "inf"]),
        ("mixture_gan", "packing", ["0", "-2"]),
        ("mixture_gan", "sharpness", ["0", "nan", "-1"]),
        ("mixture_gan", "maxout_units", ["", "200,0"]),
    ],
)
def test_settings_outside_their_range(model, key, values):
    for value in values:
        with pytest.raises(SettingError) as caught:
            resolve(model, {key: value})
        message = str(caught.value)
        name = key.removeprefix("d_")
        assert message.startswith((f"{key}={value}: expected ", f"{name}={value}: expected "))


def test_values_within_their_range_arrive_in_their_type():
    settings = resolve(
        "mixture_gan",
        {"generator_widths": "8,9", "packing": "2", "sharpness": 3, "norm": "none"},
    )
    options = settings.network.options
    assert options["generator_widths"] == (8, 9) and options["packing"] == 2
    assert options["sharpness"] == 3.0 and isinstance(options["sharpness"], float)
    assert options["norm"] == "none"
    assert resolve("dcgan", {"discriminator_width": "none"}).network.options[
        "discriminator_width"
    ] is None  # fmt: skip
    assert resolve("gan_2014", {"dropout": "0"}).network.options["dropout"] == 0.0
    pair = NETWORKS["dcgan"]((8, 8, 1), width=np.int64(4), latent_dim=np.int32(3))
    assert pair.latent_dim == 3 and pair.discriminator.layers[1].filters == 4


@pytest.mark.parametrize(
    ("value", "annotation", "expected"),
    [
        ("TRUE", bool, True),
        ("none", int | None, None),
        (None, float | None, None),
        ("3", int | None, 3),
        ("3", int | str, "3"),
        ([1, 2], tuple[int, ...], (1, 2)),
        ("1,2,", tuple[int, ...], (1, 2)),
        (5, float, 5.0),
        (4.0, int, 4),
    ],
)
def test_text_and_values(value, annotation, expected):
    found = parse_value("key", value, annotation)
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize(
    ("value", "annotation", "expected"),
    [
        ("yes", bool, "true or false"),
        ("1", bool, "true or false"),
        (2.5, int, "int"),
        ("2.5", int, "int"),
        (True, int, "int"),
        (False, float, "float"),
        ("none", int, "int"),
        ("1,x", tuple[int, ...], "values separated by commas, each int"),
        ("nan", float | None, "float or none"),
    ],
)
def test_wrong_text_and_values(value, annotation, expected):
    with pytest.raises(SettingError, match=f"^key={value}: expected {expected}.$"):
        parse_value("key", value, annotation)
