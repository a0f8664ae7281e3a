"""The network axis of classifiers: from images to one linear output a class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import keras

from tfgan_survey.conditions import Classes, Condition, as_condition
from tfgan_survey.errors import SettingError
from tfgan_survey.layers.dropout import Dropout
from tfgan_survey.networks.initializers import InitializerName, Initializers
from tfgan_survey.networks.specs import Spec
from tfgan_survey.registry import BelowOne, Registry, Widths, checked

Activation = Literal["elu", "gelu", "relu", "sigmoid", "silu", "softplus", "tanh"]


@keras.saving.register_keras_serializable("tfgan_survey")
class ClassScores(Spec):
    """A Keras model from images to the scores of classes, and the spec that it is built for.

    Why:
        The condition of the spec is what the labels are; unlike a generator, the network is not
        told them.

    Args:
        network: maps images `(batch, *image_shape)` in [0, 1] to linear outputs
            `(batch, num_classes)`.
        image_shape: see `Spec`.
        num_classes: number of classes.

    Raises:
        ValueError: the network's shapes are others.
    """

    # Two networks of one spec are two.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __init__(self, network: keras.Model, *, image_shape: Sequence[int], num_classes: int):
        super().__init__(image_shape, Classes(num_classes))
        object.__setattr__(self, "network", network)
        made = network.input_shape[1:], network.output_shape[1:]
        if made != (self.image_shape, (num_classes,)):
            raise ValueError(
                f"The network maps {made[0]} to {made[1]}; expected {self.image_shape} to "
                f"({num_classes},)."
            )

    def facts(self) -> dict[str, Any]:
        """Return what a client must know: shape of an image, number and names of classes."""
        names = {"class_names": list(self.class_names)} if self.class_names else {}
        return {"image_shape": list(self.image_shape), "num_classes": self.num_classes, **names}

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs, the network's own configuration included."""
        return {"network": keras.saving.serialize_keras_object(self.network), **self.facts()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> ClassScores:
        """Build the spec and its network from what `get_config` returned."""
        fields = dict(config)
        names = fields.pop("class_names", ())
        spec = cls(keras.saving.deserialize_keras_object(fields.pop("network")), **fields)
        spec.learn_class_names(names)
        return spec


def dense_layers(network: keras.Model) -> list[keras.layers.Dense]:
    """Return the layers of a stack of dense layers, from the input on.

    Args:
        network: dense layers, with flattening and dropout between them.

    Raises:
        SettingError: there are other layers with weights.
    """
    weighty = [layer for layer in network.layers if layer.weights]
    if others := [one for one in weighty if not isinstance(one, keras.layers.Dense)]:
        kinds = ", ".join(sorted({type(one).__name__ for one in others}))
        raise SettingError(
            f"{network.name} has layers of the kind {kinds}; expected dense layers alone, as of "
            "codec=mlp."
        )
    return weighty


@checked
def mlp(
    image_shape: Sequence[int],
    num_classes: Condition | int | None,
    *,
    seed: int = 0,
    widths: Widths = (1000, 1000, 1000),
    activation: Activation = "relu",
    input_dropout: BelowOne = 0.2,
    dropout: BelowOne = 0.5,
    initializer: InitializerName = "he_normal",
) -> ClassScores:
    """Build dense layers with dropout.

    Args:
        image_shape: shape of one image.
        num_classes: number of classes of the labels, or the condition `Classes`.
        seed: seed of the weights and of dropout.
        widths: hidden units from the pixels on.
        activation: Keras activation of the hidden layers.
        input_dropout: share of the pixels that is dropped.
        dropout: share of the hidden units that is dropped.
        initializer: see `Initializers`.

    Raises:
        SettingError: no classes.

    Source:
        Srivastava et al. 2014, Journal of Machine Learning Research 15, section 6.1.1: 0.2 and 0.5.
    """
    condition = as_condition(num_classes)
    if not isinstance(condition, Classes):
        came = "no labels" if condition is None else f"a condition of the kind {condition.kind}"
        raise SettingError(
            f"A classifier learns from classes, {came} came; set conditional=true and choose a "
            "data set with classes."
        )
    initializers = Initializers(initializer, seed)

    def dense(x, units: int, act: str | None, dtype: str | None = None):
        layer = keras.layers.Dense(units, act, kernel_initializer=initializers(), dtype=dtype)
        return layer(x)

    images = keras.Input(tuple(image_shape), name="images")
    x = Dropout(input_dropout, seed=initializers.next_seed())(keras.layers.Flatten()(images))
    for width in widths:
        x = dense(x, width, activation)
        x = Dropout(dropout, seed=initializers.next_seed())(x)
    # Scores in full precision, whatever that of the hidden layers.
    scores = dense(x, condition.num_classes, None, "float32")
    network = keras.Model(images, scores, name="classifier")
    return ClassScores(network, image_shape=image_shape, num_classes=condition.num_classes)


CLASSIFIERS = Registry("network", {"mlp": mlp})
