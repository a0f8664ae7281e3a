"""Specs, and the one declaration that all builders share."""

import dataclasses
import inspect
import json
import re

import keras
import numpy as np
import pytest

from tfgan_survey.conditions import Classes, Vector
from tfgan_survey.networks import NETWORKS, NetworkPair, Spec, mlp, pair_builder, points
from tfgan_survey.registry import Units
from tfgan_survey.zoo import build


@pytest.mark.parametrize("condition", [None, Classes(3), Vector(2)], ids=str)
@pytest.mark.parametrize("output_range", [None, (-1.0, 1.0)])
def test_a_spec_survives_saving(condition, output_range):
    spec = Spec((4, 4, 1), condition, 5, "normal", output_range)
    config = keras.saving.serialize_keras_object(spec)
    assert keras.saving.deserialize_keras_object(json.loads(json.dumps(config))) == spec
    assert spec.conditional == (condition is not None)
    assert spec.num_classes == (3 if condition == Classes(3) else None)
    # Files of classes and of none have the keys that they always had.
    assert ("condition" in spec.get_config()) == (condition == Vector(2))


def test_facts_are_what_a_client_asks_with():
    spec = Spec((4, 4, 1), 3, 5)
    assert spec.facts() == {
        "image_shape": [4, 4, 1], "latent_dim": 5, "num_classes": 3, "latent": "uniform",
    }  # fmt: skip
    facts = mlp((4, 4, 1), condition=Vector(2), latent_dim=5).facts()
    assert facts["num_classes"] is None
    assert facts["condition"] == {"kind": "vector", "size": 2}


@pytest.mark.parametrize("name", ["survey_gan", "vae", "classifier"])
def test_class_names_survive_saving_and_stand_on_cards(name):
    spec = build(name, (6, 6, 1), 3).spec
    assert "class_names" not in spec.get_config(), "files without names are as they always were"
    with pytest.raises(ValueError, match="2 class names came for 3 classes"):
        spec.learn_class_names(["a", "b"])
    spec.learn_class_names(["a", "b", "c"])
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(spec))
    assert again.class_names == ("a", "b", "c") and again.facts()["class_names"] == ["a", "b", "c"]
    with pytest.raises(ValueError, match="came for no classes"):
        Spec((2,)).learn_class_names(["a"])


def test_a_spec_is_frozen_and_a_pair_is_one():
    pair = mlp((2, 2, 1), 3, latent_dim=5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        pair.latent_dim = 6
    assert isinstance(pair, Spec)
    again = NetworkPair(**vars(pair))
    assert (again.image_shape, again.condition, again.latent_dim) == ((2, 2, 1), Classes(3), 5)
    assert again != pair and len({again, pair}) == 2  # networks are told apart, not only specs
    assert Spec((2, 2, 1), 3) == Spec([2, 2, 1], Classes(3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"latent_dim": 0}, "latent_dim=0"),
        ({"latent": "gauss"}, "latent distribution"),
        ({"output_range": (1.0, 0.0)}, "low must be below high"),
        ({"output_range": (1.0, 1.0)}, "low must be below high"),
        ({"condition": 0}, "num_classes=0"),
    ],
)
def test_a_spec_refuses_what_is_none(options, message):
    with pytest.raises(ValueError, match=message):
        Spec((2, 2, 1), **options)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_builder_says_what_it_takes(name):
    signature = inspect.signature(NETWORKS[name])
    common = ["image_shape", "num_classes", "condition", "seed", "latent_dim", "latent"]
    assert list(signature.parameters)[:6] == common
    docstring = inspect.getdoc(NETWORKS[name])
    section = docstring.split("Args:\n")[1].split("\n\n")[0]
    assert re.findall(r"^ {4}(\w+):", section, re.M)[:6] == common
    assert sorted(re.findall(r"^ {4}(\w+):", section, re.M)) == sorted(signature.parameters)


def test_a_builder_is_a_function_of_a_spec():
    seen = []

    @pair_builder(latent_dim=4, latent="normal", output_range=(-1.0, 1.0))
    def shallow(spec, initializers, *, width: Units = 2):
        seen.append((spec, initializers, width))
        made = mlp(spec.image_shape, spec.condition, latent_dim=spec.latent_dim + width)
        return made.generator, made.discriminator

    pair = shallow((2, 2, 1), 3, seed=1, width=5)
    spec, initializers, width = seen[0]
    assert spec == Spec((2, 2, 1), Classes(3), 4, "normal", (-1.0, 1.0)) and width == 5
    assert initializers.next_seed() == int(np.random.default_rng(1).integers(2**31 - 1))
    assert pair.latent_dim == 9 == pair.generator.inputs[0].shape[-1]
    assert (pair.latent, pair.output_range) == ("normal", (-1.0, 1.0))
    with pytest.raises(TypeError, match="initializer"):
        shallow((2, 2, 1), initializer="keras")
    with pytest.raises(ValueError, match="width=0"):
        shallow((2, 2, 1), width=0)


def test_vectors_have_no_instance_norm():
    """It would take each unit's own mean from it and leave nothing."""
    for builder, shape in ((mlp, (2, 2, 1)), (points, (2,))):
        with pytest.raises(ValueError, match="norm=instance: expected one of batch, layer, none"):
            builder(shape, norm="instance")
