"""What can be set: the kept file is what the code says, and the table what `resolve` does."""

import json

import make_options
import pytest

from tfgan_survey.errors import UnknownNameError
from tfgan_survey.registry import shown_value
from tfgan_survey.zoo import MODELS, describe, resolve
from tfgan_survey.zoo.describing import OPTIONS, settable


def test_the_kept_file_is_what_the_code_says():
    kept, live = json.loads(OPTIONS.read_text()), make_options.collected()
    assert kept == json.loads(json.dumps(live)), "run `python tools/make_options.py`"
    for part in (one for values in live["parts"].values() for one in values.values()):
        assert part["about"] and all(one["about"] for one in part["options"])


@pytest.mark.parametrize("model", MODELS)
def test_defaults_are_those_of_a_run(model):
    """Every key of a run's settings is described, with the value that `train MODEL` takes."""
    flat = resolve(model).flat()
    found = {}
    for block in describe(model):
        axes = [block.name] if block.name != "optimizer" else [
            key for key in flat if key.endswith("optimizer")]  # fmt: skip
        for axis in axes:
            if block.name not in ("loop", "run"):
                found[axis] = block.value
            prefix = "" if axis == "run" else f"{axis}."
            found |= {prefix + one.full_key.split(".", 1)[1]: one.default for one in block.options}
    expected = {key: shown_value(value) for key, value in flat.items()}
    del expected["model"], expected["family"]
    assert found == expected


@pytest.mark.parametrize("model", ["cgan_mnist", "cyclegan", "mixture_gan_tuned", "pca", "vae"])
def test_every_key_and_choice_is_taken(model):
    keys = settable(model)
    defaults = {
        key: one.default
        for block in describe(model) for one in block.options for key in (one.key, one.full_key)
    }  # fmt: skip
    for key, choices in keys.items():
        for value in choices or ([defaults[key]] if key in defaults else []):
            if value:  # a default without text is None where there is no other word
                resolve(model, {key: value} if key != "epochs" else {})
    assert (len(keys) > 10 and "ema" in keys) or model == "pca"


def test_another_value_on_an_axis_has_its_own_options():
    keys = settable("cgan_mnist", {"network": "mlp"})
    assert "generator_widths" in keys and "kernel_size" not in keys
    assert keys["network"] == tuple(sorted(keys["network"])) and "dcgan" in keys["network"]
    with pytest.raises(UnknownNameError, match="did you mean dcgan"):
        describe("cgan_mnist", {"network": "dcgna"})
    with pytest.raises(UnknownNameError, match="unknown axis 'netwrok'"):
        describe("cgan_mnist", {"netwrok": "mlp"})
