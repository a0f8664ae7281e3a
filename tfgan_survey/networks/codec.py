"""The network axis of models that encode: an encoder and a decoder with what they agree on."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

import keras
import tensorflow as tf

from tfgan_survey.conditions import Condition, as_condition
from tfgan_survey.layers.conditioning import AppendLabelMaps
from tfgan_survey.layers.marginals import MarginalBias
from tfgan_survey.networks.blocks import Inputs
from tfgan_survey.networks.builders import public_form
from tfgan_survey.networks.initializers import InitializerName, Initializers
from tfgan_survey.networks.specs import Spec
from tfgan_survey.registry import Registry, Units, Widths, checked

Activation = Literal["elu", "gelu", "relu", "sigmoid", "silu", "softplus", "tanh"]
Depths = tuple[Units, ...]


@keras.saving.register_keras_serializable("tfgan_survey")
class Codec(Spec):
    """Two Keras models, and the spec that both are built for.

    Args:
        encoder: maps images `(batch, *image_shape)` in [0, 1] (and the condition's rows) to linear
            outputs `(batch, *code_shape)`; for a posterior of several numbers a unit, the last axis
            is that many times as long.
        decoder: maps codes `(batch, *code_shape)` (and the condition's rows) to linear outputs
            `(batch, *image_shape)`; what they mean belongs to the reconstruction loss.
        image_shape: see `Spec`; so is `condition`.
        code_shape: of one code, `(units,)` or a map `(height, width, units)`.
        num_classes: shorthand for the condition `Classes(num_classes)`.
        condition: see `Spec`.

    Raises:
        ValueError: shapes disagree.
    """

    # Two codecs of one spec are two codecs.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        *,
        image_shape: Sequence[int],
        code_shape: Sequence[int],
        num_classes: int | None = None,
        condition: Condition | int | None = None,
    ):
        condition = as_condition(num_classes, condition)
        shape = tuple(int(size) for size in code_shape)
        super().__init__(image_shape, condition, math.prod(shape), "normal")
        for name, value in (("encoder", encoder), ("decoder", decoder), ("code_shape", shape)):
            object.__setattr__(self, name, value)
        made = decoder.output_shape[1:]
        if made != self.image_shape:
            raise ValueError(f"The decoder makes {made}, image_shape is {self.image_shape}.")
        coded = encoder.output_shape[1:]
        if coded[:-1] != shape[:-1] or coded[-1] % shape[-1]:
            raise ValueError(f"The encoder makes {coded}, code_shape is {shape}.")
        inputs = 1 if condition is None else 2
        for role, network in (("encoder", encoder), ("decoder", decoder)):
            if len(network.inputs) != inputs:
                raise ValueError(
                    f"The {role} has {len(network.inputs)} input(s), but with condition="
                    f"{condition} it needs {inputs}; pass the condition to its builder."
                )
        if (taken := tuple(decoder.inputs[0].shape[1:])) != shape:
            raise ValueError(f"The decoder takes {taken}, code_shape is {shape}.")

    def encode(self, images: tf.Tensor, labels=None, training: bool = False) -> tf.Tensor:
        """Run the encoder; float32 linear outputs.

        Args:
            images: float32 in [0, 1].
            labels: the condition's rows, or None.
            training: whether it runs in training mode.
        """
        inputs = images if labels is None else [images, labels]
        return tf.cast(self.encoder(inputs, training=training), tf.float32)

    def decode(self, codes: tf.Tensor, labels=None, training: bool = False) -> tf.Tensor:
        """Run the decoder; float32 linear outputs.

        Args:
            codes: float32 `(batch, *code_shape)`.
            labels: the condition's rows, or None.
            training: whether it runs in training mode.
        """
        inputs = codes if labels is None else [codes, labels]
        return tf.cast(self.decoder(inputs, training=training), tf.float32)

    def with_networks(self, encoder: keras.Model, decoder: keras.Model) -> Codec:
        """Return a codec of the same spec with other networks.

        Args:
            encoder: see the constructor.
            decoder: see the constructor.
        """
        return Codec(
            encoder,
            decoder,
            image_shape=self.image_shape,
            code_shape=self.code_shape,
            condition=self.condition,
        )

    def stages(self) -> list[tuple[keras.layers.Dense, keras.layers.Dense]]:
        """Return the encoder's layers from the pixels on, each with the decoder's mirrored one.

        Raises:
            ValueError: layers other than dense ones, or a decoder that is no mirror.
        """
        shapeless = keras.layers.InputLayer | keras.layers.Flatten | keras.layers.Reshape

        def dense(network: keras.Model) -> list[keras.layers.Dense]:
            found = [one for one in network.layers if not isinstance(one, shapeless | MarginalBias)]
            if not all(isinstance(one, keras.layers.Dense) for one in found) or self.conditional:
                raise ValueError(
                    "Layers are stacked one by one where all are dense and there is no condition: "
                    "choose codec=mlp."
                )
            return found

        down, up = dense(self.encoder), dense(self.decoder)[::-1]
        wide = [
            (layer.kernel.shape, mirrored.kernel.shape[::-1])
            for layer, mirrored in zip(down, up, strict=False)
        ]
        if len(down) != len(up) or any(there != back for there, back in wide):
            raise ValueError("The decoder is no mirror of the encoder; leave decoder_widths out.")
        return list(zip(down, up, strict=True))

    def adapt(self, images) -> None:
        """Let an output bias start from the mean image, see `MarginalBias`.

        Args:
            images: uint8 training images `(n, *image_shape)`.
        """
        for layer in self.decoder.layers:
            if isinstance(layer, MarginalBias):
                layer.adapt(images.mean(axis=0) / 255.0)

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs, the networks' own configurations included."""
        serialize = keras.saving.serialize_keras_object
        networks = {role: serialize(getattr(self, role)) for role in ("encoder", "decoder")}
        fields = super().get_config()
        for derived in ("latent_dim", "latent", "output_range"):
            del fields[derived]
        return {**networks, **fields, "code_shape": list(self.code_shape)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Codec:
        """Build the codec from what `get_config` returned."""
        deserialize = keras.saving.deserialize_keras_object
        networks = {role: deserialize(config[role]) for role in ("encoder", "decoder")}
        return super().from_config({**config, **networks})


def codec_builder(
    *, latent_dim: int, initializer: InitializerName
) -> Callable[[Callable], Callable[..., Codec]]:
    """Make a value of the codec axis out of a function that builds its two networks.

    Args:
        latent_dim: default number of units of a code.
        initializer: the default.

    Returns:
        A decorator. It takes a function `(spec, initializers, numbers, *, options) -> (encoder,
        decoder)`, whose encoder gives `numbers` numbers for each unit of the code, and returns one
        `(image_shape, num_classes=None, *, condition=None, seed=0, latent_dim, options,
        initializer) -> Codec`. Its attribute `posterior` is the same with two numbers a unit, and
        `networks` the function itself.
    """

    def decorate(build: Callable) -> Callable[..., Codec]:
        signature, doc = public_form(
            build, Codec, latent_dim=latent_dim, latent=None, initializer=initializer
        )
        doc = re.sub(r" {4}numbers: .*\n", "", doc)

        def public(*args, numbers: int, **kwargs):
            given = signature.bind(*args, **kwargs)
            given.apply_defaults()
            options = dict(given.arguments)
            units = options.pop("latent_dim")
            condition = as_condition(options.pop("num_classes"), options.pop("condition"))
            spec = Spec(options.pop("image_shape"), condition, units, "normal")
            initializers = Initializers(options.pop("initializer"), options.pop("seed"))
            encoder, decoder = build(spec, initializers, numbers=numbers, **options)
            return Codec(
                encoder,
                decoder,
                image_shape=spec.image_shape,
                code_shape=decoder.inputs[0].shape[1:],
                condition=condition,
            )

        def published(numbers: int) -> Callable[..., Codec]:
            def builder(*args, **kwargs):
                return public(*args, numbers=numbers, **kwargs)

            functools.update_wrapper(builder, build)
            builder.__signature__, builder.__doc__ = signature, doc
            annotations = {one.name: one.annotation for one in signature.parameters.values()}
            builder.__annotations__ = annotations
            return checked(builder)

        made = published(1)
        made.networks = build
        made.posterior = published(2)
        return made

    return decorate


@codec_builder(latent_dim=30, initializer="glorot_normal")
def mlp(
    spec: Spec,
    initializers: Initializers,
    numbers,
    *,
    widths: Depths = (1000, 500, 250),
    decoder_widths: Depths | None = None,
    activation: Activation = "relu",
    bias: Literal["zeros", "marginals"] = "marginals",
) -> tuple[keras.Model, keras.Model]:
    """Build the stack of dense layers of Hinton and Salakhutdinov, and its mirror.

    Args:
        spec: what it is built for.
        initializers: where the weights start.
        numbers: of each unit of a code that the encoder gives.
        widths: hidden units from the pixels to the code; none for a single linear layer, as `--set
            widths=,`.
        decoder_widths: hidden units from the code to the pixels; None for the encoder's mirrored.
        activation: Keras activation of the hidden layers.
        bias: what the last layer's bias starts from: `marginals`, the training set's mean image as
            logits, or `zeros`.

    Source:
        Hinton & Salakhutdinov 2006, Science 313, 784-1000-500-250-30 for MNIST.
    """

    def dense(x, units, activation=None):
        layer = keras.layers.Dense(units, activation, kernel_initializer=initializers())
        return layer(x)

    inputs = Inputs.images(spec)
    x = inputs.join(keras.layers.Flatten()(inputs.main))
    for width in widths:
        x = dense(x, width, activation)
    encoder = inputs.model(dense(x, numbers * spec.latent_dim), "encoder")
    inputs = Inputs(spec, (spec.latent_dim,), "code")
    x = inputs.join(inputs.main)
    for width in widths[::-1] if decoder_widths is None else decoder_widths:
        x = dense(x, width, activation)
    x = dense(x, math.prod(spec.image_shape))
    if bias == "marginals":
        x = MarginalBias()(x)
    return encoder, inputs.model(keras.layers.Reshape(spec.image_shape)(x), "decoder")


@codec_builder(latent_dim=30, initializer="glorot_normal")
def linear(spec: Spec, initializers: Initializers, numbers) -> tuple[keras.Model, keras.Model]:
    """Build one dense layer either way, as principal components have.

    Args:
        spec: what it is built for.
        initializers: where the weights start.
        numbers: of each unit of a code that the encoder gives.
    """
    return mlp.networks(spec, initializers, numbers, widths=(), bias="zeros")


@codec_builder(latent_dim=32, initializer="he_normal")
def conv(
    spec: Spec,
    initializers: Initializers,
    numbers,
    *,
    channels: Widths = (32, 64),
    hidden: Units = 256,
    spatial: bool = False,
    activation: Activation = "relu",
) -> tuple[keras.Model, keras.Model]:
    """Build convolutions that halve the image's sides at each step, and their mirror.

    Args:
        spec: what it is built for.
        initializers: where the weights start.
        numbers: of each unit of a code that the encoder gives.
        channels: of the maps; every one halves the sides, which must stay whole.
        hidden: units of the dense layer on either side of the code.
        spatial: whether the code is a map, `latent_dim` numbers at each place, with no dense layer.
        activation: Keras activation of the hidden layers.

    Raises:
        ValueError: sides that cannot be halved so often.
    """
    height, width, depth = spec.image_shape
    factor = 2 ** len(channels)
    if height % factor or width % factor:
        raise ValueError(
            f"Images of {height}x{width} cannot be halved {len(channels)} times; choose fewer "
            "channels."
        )

    def layer(kind, units, x, size=3, strides=1, act=activation):
        return kind(
            units, size, strides, padding="same", activation=act, kernel_initializer=initializers()
        )(x)

    def dense(x, units, act=activation):
        return keras.layers.Dense(units, act, kernel_initializer=initializers())(x)

    down, up = keras.layers.Conv2D, keras.layers.Conv2DTranspose
    small = (height // factor, width // factor, channels[-1])
    inputs = Inputs.images(spec)
    x = _with_maps(inputs)
    for one in channels:
        x = layer(down, one, x, 4, 2)
    x = layer(down, channels[-1], x)
    if spatial:
        x = layer(down, numbers * spec.latent_dim, x, 1, act=None)
        shape = (*small[:2], spec.latent_dim)
    else:
        x = dense(inputs.join(keras.layers.Flatten()(x)), hidden)
        x = dense(x, numbers * spec.latent_dim, None)
        shape = (spec.latent_dim,)
    encoder = inputs.model(x, "encoder")
    inputs = Inputs(spec, shape, "code")
    if spatial:
        x = _with_maps(inputs)
    else:
        x = dense(inputs.join(inputs.main), hidden)
        x = keras.layers.Reshape(small)(dense(x, math.prod(small)))
    x = layer(down, channels[-1], x)
    for one in (*channels[-2::-1], channels[0]):
        x = layer(up, one, x, 4, 2)
    return encoder, inputs.model(layer(down, depth, x, act=None), "decoder")


def _with_maps(inputs: Inputs) -> keras.KerasTensor:
    """Return the main input with the condition's code as constant maps beside it."""
    code = inputs.condition
    return inputs.main if code is None else AppendLabelMaps()(inputs.main, code)


CODECS = Registry("codec", {"conv": conv, "linear": linear, "mlp": mlp})
POSTERIORS = Registry("codec", {name: build.posterior for name, build in CODECS.items()})
"""The same networks with two numbers for each unit of the code: its mean and log variance."""
