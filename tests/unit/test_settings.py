"""The record of a run: whole numbers stay whole, ranges are named, nothing is cut in silence."""

import math

import numpy as np
import pytest

from tfgan_survey.errors import SettingError
from tfgan_survey.settings import Choice, Settings, check_whole
from tfgan_survey.zoo import resolve

WHOLE = ("batch_size", "steps_per_execution", "steps", "image_size", "seed")


def settings(**values):
    axes = ("network", "objective", "regularizer", "d_optimizer", "g_optimizer")
    parts = {axis: Choice("a", {}) for axis in axes}
    return Settings("toy", "toy", parts, **{"steps": 5, **values})


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("value", [2.5, "2.5", True, math.nan, math.inf, 2**31, -1])
def test_numbers_that_are_not_whole_or_out_of_range_are_refused_everywhere(name, value):
    for build in (
        lambda: settings(**{name: value}),
        lambda: resolve("survey_gan", {name: value}),
        lambda: Settings.from_dict({**settings().to_dict(), name: value}),
    ):
        with pytest.raises(SettingError, match=f"{name}="):
            build()


@pytest.mark.parametrize("name", WHOLE)
def test_the_smallest_values_pass_and_one_less_does_not(name):
    smallest = 0 if name == "seed" else 1
    assert getattr(settings(**{name: smallest}), name) == smallest
    with pytest.raises(SettingError, match=f"{name}={smallest - 1}: .* at least {smallest}"):
        settings(**{name: smallest - 1})
    largest = 2**14 if name == "image_size" else 2**31 - 1
    assert getattr(settings(**{name: largest}), name) == largest
    with pytest.raises(SettingError, match=f"at most {largest}|below {largest + 1}"):
        settings(**{name: largest + 1})


def test_epochs_and_steps_exclude_each_other():
    assert settings(steps=None, epochs=3).epochs == 3
    for values in ({"epochs": 3}, {"steps": None}, {"steps": None, "epochs": 2.5}):
        with pytest.raises(SettingError, match="epochs="):
            settings(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"precision": "float16"}, "precision=float16: expected one of"),
        ({"jit_compile": "maybe"}, "jit_compile=maybe: expected true or false"),
        ({"conditional": 1}, "conditional=1"),
    ],
)
def test_other_types_are_refused_in_the_constructor_too(values, message):
    with pytest.raises(SettingError, match=message):
        settings(**values)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_critic": 2.5}, "n_critic=2.5"),
        ({"latent_dim": "2.5"}, "latent_dim=2.5"),
        ({"generator_widths": (2.5,)}, r"generator_widths=\(2.5,\)"),
    ],
)
def test_a_fraction_is_not_cut_to_a_whole_number(options, message):
    with pytest.raises(SettingError, match=message):
        resolve("survey_gan", options)


def test_whole_numbers_of_other_libraries_pass_as_int():
    assert type(check_whole("n", np.int64(3))) is int
    assert settings(batch_size=np.int32(8)).batch_size == 8
    assert settings(batch_size=8.0).batch_size == 8
    with pytest.raises(SettingError, match="expected 2 to 4, a whole number"):
        check_whole("n", 5, smallest=2, largest=4)


@pytest.mark.parametrize("value", [2.5, 2.0, True, math.nan, "2", None])
def test_what_is_no_whole_number_is_refused_before_it_is_compared(value):
    with pytest.raises(SettingError, match="a whole number"):
        check_whole("n", value)


def test_channels_of_the_images_are_one_or_three_and_old_runs_have_none():
    values = settings().to_dict()
    assert values.pop("image_channels") is None
    assert values.pop("image_crop") is False
    as_they_are = {"image_size": None, "channels": None, "crop": False}
    assert Settings.from_dict(values).form == as_they_are
    assert resolve("survey_gan", {"image_channels": "3"}).form["channels"] == 3
    for wrong in (0, 2, 4):
        with pytest.raises(SettingError, match=f"image_channels is {wrong}; expected 1 .grey. or"):
            settings(image_channels=wrong)
