"""Encoders and decoders: sizes by hand, mirrors, codes' shapes, what is refused."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.errors import SettingError
from tfgan_survey.networks.codec import CODECS, POSTERIORS, Codec
from tfgan_survey.zoo import resolve

SHAPE = (8, 8, 1)
IMAGES = np.random.default_rng(0).uniform(size=(5, *SHAPE)).astype(np.float32)


def kernels(network):
    return [
        tuple(layer.kernel.shape)
        for layer in network.layers
        if isinstance(layer, keras.layers.Dense)
    ]


def dense(*widths):
    return list(itertools.pairwise(widths))


def activations(network):
    weighted = [layer for layer in network.layers if hasattr(layer, "kernel")]
    return [layer.activation.__name__ for layer in weighted]


@pytest.mark.parametrize(
    ("options", "down", "up"),
    [
        ({"widths": (7, 5), "latent_dim": 3}, dense(64, 7, 5, 3), dense(3, 5, 7, 64)),
        ({"widths": (7, 5), "latent_dim": 3, "decoder_widths": (9,)},
         dense(64, 7, 5, 3), dense(3, 9, 64)),
        ({"widths": (), "latent_dim": 2}, dense(64, 2), dense(2, 64)),
        ({"widths": (7,), "latent_dim": 2, "decoder_widths": ()}, dense(64, 7, 2), dense(2, 64)),
    ],
)  # fmt: skip
def test_a_stack_and_its_mirror(options, down, up):
    codec = CODECS["mlp"](SHAPE, **options)
    assert kernels(codec.encoder) == down and kernels(codec.decoder) == up
    assert codec.code_shape == (options["latent_dim"],)
    for network, sizes in ((codec.encoder, down), (codec.decoder, up)):
        assert activations(network) == ["relu"] * (len(sizes) - 1) + ["linear"]


def test_hinton_and_salakhutdinov_s_stack_is_the_default():
    codec = CODECS["mlp"]((28, 28, 1))
    assert kernels(codec.encoder) == dense(784, 1000, 500, 250, 30)
    assert kernels(codec.decoder) == dense(30, 250, 500, 1000, 784)


def test_the_linear_codec_is_two_matrices_and_two_biases():
    codec = CODECS["linear"](SHAPE, latent_dim=3)
    matrix, bias = codec.encoder.get_weights()
    by_hand = IMAGES.reshape(5, 64) @ matrix + bias
    np.testing.assert_allclose(codec.encode(IMAGES), by_hand, rtol=1e-4, atol=1e-5)
    back, start = codec.decoder.get_weights()
    pixels = (by_hand @ back + start).reshape(5, *SHAPE)
    np.testing.assert_allclose(codec.decode(by_hand), pixels, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "channels", "spatial", "code"),
    [
        ((8, 8, 1), (2,), True, (4, 4, 3)),
        ((8, 12, 3), (2, 4), True, (2, 3, 3)),
        ((8, 8, 1), (2, 3, 4), True, (1, 1, 3)),
        ((8, 12, 3), (2, 4), False, (3,)),
    ],
)
def test_every_channel_halves_the_sides_and_the_decoder_doubles_them(
    shape, channels, spatial, code
):
    codec = CODECS["conv"](shape, channels=channels, spatial=spatial, hidden=5, latent_dim=3)
    assert codec.code_shape == code and codec.latent_dim == np.prod(code)
    images = np.zeros((2, *shape), np.float32)
    assert codec.encode(images).shape == (2, *code)
    assert codec.decode(np.zeros((2, *code), np.float32)).shape == (2, *shape)
    strided = [
        [layer.filters for layer in network.layers if getattr(layer, "strides", 0) == (2, 2)]
        for network in (codec.encoder, codec.decoder)
    ]
    assert strided == [list(channels), [*channels[-2::-1], channels[0]]]
    for network in (codec.encoder, codec.decoder):
        assert activations(network)[-1] == "linear"
        assert set(activations(network)[:-1]) == {"relu"}
    assert len(kernels(codec.encoder)) == (0 if spatial else 2)


@pytest.mark.parametrize(("shape", "channels"), [((8, 6, 1), (2, 2)), ((7, 7, 1), (2,))])
def test_sides_that_cannot_be_halved_so_often_are_refused(shape, channels):
    message = f"Images of {shape[0]}x{shape[1]} cannot be halved {len(channels)} times"
    with pytest.raises(ValueError, match=message):
        CODECS["conv"](shape, channels=channels)


@pytest.mark.parametrize(
    ("name", "options"), [("mlp", {"widths": (6,)}), ("linear", {}), ("conv", {"channels": (2,)})]
)
def test_a_posterior_has_two_numbers_a_unit_and_the_same_decoder(name, options):
    plain = CODECS[name](SHAPE, latent_dim=3, **options)
    twice = POSTERIORS[name](SHAPE, latent_dim=3, **options)
    assert plain.encode(IMAGES).shape == (5, 3) and twice.encode(IMAGES).shape == (5, 6)
    assert twice.code_shape == plain.code_shape == (3,)
    shapes = [[w.shape for w in codec.decoder.weights] for codec in (plain, twice)]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(
    ("name", "options"),
    [("mlp", {"widths": (6,)}), ("linear", {}), ("conv", {"channels": (2,)}),
     ("conv", {"channels": (2,), "spatial": True})],
)  # fmt: skip
def test_labels_are_seen_by_both_networks(name, options):
    codec = CODECS[name](SHAPE, 3, latent_dim=2, **options)
    first, second = (np.full(5, label, np.int32) for label in (0, 2))
    assert not np.allclose(codec.encode(IMAGES, first), codec.encode(IMAGES, second))
    codes = np.ones((5, *codec.code_shape), np.float32)
    assert not np.allclose(codec.decode(codes, first), codec.decode(codes, second))


def test_the_seed_decides_the_weights_and_no_two_layers_start_alike():
    def weights(seed):
        return CODECS["mlp"](SHAPE, widths=(64,), latent_dim=64, seed=seed).encoder.get_weights()

    np.testing.assert_array_equal(weights(1)[0], weights(1)[0])
    assert not np.array_equal(weights(1)[0], weights(2)[0])
    assert not np.array_equal(weights(1)[0], weights(1)[2])  # both 64 x 64


def test_the_output_starts_from_the_mean_image():
    images = np.random.default_rng(1).integers(0, 256, size=(50, *SHAPE)).astype(np.uint8)
    codec = CODECS["mlp"](SHAPE, widths=(6,), latent_dim=2)
    codec.adapt(images)
    made = tf.sigmoid(codec.decode(np.zeros((1, 2), np.float32)))
    np.testing.assert_allclose(made[0], images.mean(axis=0) / 255.0, atol=1e-5)
    plain = CODECS["mlp"](SHAPE, widths=(6,), latent_dim=2, bias="zeros")
    before = plain.decoder.get_weights()
    plain.adapt(images)
    for left, right in zip(before, plain.decoder.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_stages_are_pairs_of_mirrored_layers_from_the_pixels_on():
    codec = CODECS["mlp"](SHAPE, widths=(7, 5), latent_dim=3)
    stages = codec.stages()
    assert [layer.kernel.shape for layer, _ in stages] == dense(64, 7, 5, 3)
    assert [mirror.kernel.shape for _, mirror in stages] == [(7, 64), (5, 7), (3, 5)]
    owned = {id(layer) for layer in (*codec.encoder.layers, *codec.decoder.layers)}
    assert {id(layer) for pair in stages for layer in pair} <= owned


@pytest.mark.parametrize(
    ("name", "classes", "options", "message"),
    [
        ("conv", None, {"channels": (2,)}, "choose codec=mlp"),
        ("mlp", 3, {"widths": (6,)}, "no condition"),
        ("mlp", None, {"widths": (6,), "decoder_widths": (5,)}, "leave decoder_widths out"),
        ("mlp", None, {"widths": (6,), "decoder_widths": (6, 6)}, "leave decoder_widths out"),
    ],
)
def test_what_is_no_stack_is_refused(name, classes, options, message):
    with pytest.raises(ValueError, match=message):
        CODECS[name](SHAPE, classes, **options).stages()


def test_a_codec_is_rebuilt_from_its_configuration():
    codec = CODECS["conv"](SHAPE, 3, channels=(2,), spatial=True, latent_dim=2)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(codec))
    assert (again.code_shape, again.image_shape, again.condition) == (
        codec.code_shape, codec.image_shape, codec.condition,
    )  # fmt: skip
    for role in ("encoder", "decoder"):
        getattr(again, role).set_weights(getattr(codec, role).get_weights())
    labels = np.arange(5, dtype=np.int32) % 3
    np.testing.assert_array_equal(again.encode(IMAGES, labels), codec.encode(IMAGES, labels))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_shape": (4, 4, 1)}, r"decoder makes \(8, 8, 1\), image_shape is \(4, 4, 1\)"),
        ({"code_shape": (2,)}, r"The encoder makes \(3,\), code_shape is \(2,\)"),
        ({"code_shape": (3, 1, 3)}, r"The encoder makes \(3,\), code_shape is \(3, 1, 3\)"),
        ({"code_shape": (1,)}, r"The decoder takes \(3,\), code_shape is \(1,\)"),
        ({"num_classes": 4}, r"encoder has 1 input\(s\)"),
    ],
)
def test_networks_that_disagree_are_refused(changes, message):
    codec = CODECS["linear"](SHAPE, latent_dim=3)
    given = {"image_shape": SHAPE, "code_shape": (3,), **changes}
    with pytest.raises(ValueError, match=message):
        Codec(codec.encoder, codec.decoder, **given)


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [("mlp", "widths", (0,)), ("mlp", "decoder_widths", (-1,)), ("conv", "channels", ()),
     ("conv", "hidden", 0), ("mlp", "activation", "step"), ("linear", "latent_dim", 0)],
)  # fmt: skip
def test_options_outside_their_range_are_refused(name, key, value):
    with pytest.raises(SettingError, match=f"^{key}="):
        CODECS[name](SHAPE, **{key: value})


def test_settings_see_a_builder_s_own_options_and_may_leave_out_all_widths():
    assert set(CODECS.options("linear")) == {"latent_dim", "initializer"}
    assert set(CODECS.options("mlp")) == set(POSTERIORS.options("mlp"))
    assert {"widths", "decoder_widths", "latent_dim"} <= set(CODECS.options("mlp"))
    options = resolve("autoencoder", {"codec": "mlp", "widths": ","}).codec.options
    assert options["widths"] == () and options["decoder_widths"] is None
    options = resolve("autoencoder", {"codec": "mlp", "codec.decoder_widths": "9,8"}).codec.options
    assert options["decoder_widths"] == (9, 8)
    with pytest.raises(SettingError, match="widths=0: expected values separated by commas"):
        resolve("autoencoder", {"codec": "mlp", "widths": "0"})
