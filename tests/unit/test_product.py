"""Every objective x regularizer x network x {labels, none} trains, or is refused with a reason."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.models import GAN
from tfgan_survey.networks import NETWORKS
from tfgan_survey.objectives import OBJECTIVES
from tfgan_survey.objectives.divergences import DIVERGENCES
from tfgan_survey.regularizers import REGULARIZERS

SHAPE, BATCH, CLASSES = (8, 8, 1), 4, 3
# Widths of 4 make an eager step cost its Python overhead only, of which dropout is a third; it runs
# in the compositions of COVER.
SMALL = {
    "dcgan": {"width": 4},
    "elu": {"generator_widths": (4, 4), "discriminator_widths": (4, 4)},
    "maxout": {"generator_widths": (4, 4), "maxout_units": (4, 4), "dropout": 0.0},
    "mlp": {"generator_widths": (4,), "discriminator_widths": (4,)},
    "two_branch": {
        "latent_width": 4,
        "label_width": 4,
        "joint_width": 4,
        "image_units": 4,
        "label_units": 4,
        "joint_units": 4,
        "dropout": 0.0,
    },
    "points": {"generator_widths": (4,), "maxout_units": (4,)},
    "residual": {"width": 4},
    "tags": {
        "latent_width": 4,
        "feature_width": 4,
        "tag_units": 4,
        "feature_units": 4,
        "joint_units": 4,
    },
}
# What is refused, and the words that say why; everything else must train.
REFUSED = {
    ("mlp", name): "batch normalisation in the discriminator" for name in ("gradient_penalty", "r1")
}

# One composition for each value of each axis, for what is too slow to run on the whole product.
COVER = [
    ("dcgan", {"label_input": "projection"}, "least_squares", "weight_clipping"),
    ("dcgan", {"discriminator_norm": "layer"}, "non_saturating", "gradient_penalty"),
    ("elu", {}, "f_divergence", "none"),
    ("maxout", {"dropout": 0.5}, "minimax", "none"),
    ("mlp", {"discriminator_norm": "none"}, "wasserstein", "gradient_penalty"),
    ("two_branch", {"dropout": 0.5}, "loss_sensitive", "none"),
    ("points", {}, "non_saturating", "none"),
    ("points", {"discriminator_activation": "leaky_relu"}, "non_saturating", "none"),
    ("residual", {}, "hinge", "r1"),
    ("tags", {"output": "bits", "dropout": 0.5}, "wasserstein", "gradient_penalty"),
    ("tags", {"input_dropout": 0.5}, "non_saturating", "none"),
]
PACKED = {"packing": 2, "sharpness": 2.0}
# A new loss or penalty joins by itself, on networks that suit any.
_ANY = ("mlp", {"discriminator_norm": "none"})
COVER += [(*_ANY, name, "none") for name in OBJECTIVES if name not in {c[2] for c in COVER}]
COVER += [(*_ANY, "wasserstein", n) for n in REGULARIZERS if n not in {c[3] for c in COVER}]


@pytest.fixture(scope="module")
def batch():
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (BATCH, *SHAPE)).astype("uint8")
    points = generator.normal(size=(BATCH, 2)).astype("float32")
    return tf.constant(images), tf.constant(points), tf.constant([0, 1, 2, 1])


def _batch_for(network, batch, labels=True):
    images, points, ids = batch
    examples = points if network == "points" else images
    return (examples, ids) if labels else examples


def _build(network, num_classes, **options):
    shape = (2,) if network == "points" else SHAPE
    return NETWORKS[network](shape, num_classes, latent_dim=4, **{**SMALL[network], **options})


@pytest.fixture(scope="module")
def pairs():
    """Networks are built once each, with their first weights to start every composition from."""
    built = {
        (name, classes): _build(name, classes) for name in NETWORKS for classes in (None, CLASSES)
    }
    return {
        key: (pair, pair.generator.get_weights(), pair.discriminator.get_weights())
        for key, pair in built.items()
    }


class SignDescent(keras.optimizers.Optimizer):
    """Move each weight against its gradient's sign: seen however small, at two operations."""

    def update_step(self, gradient, variable, learning_rate):
        self.assign_sub(variable, tf.cast(learning_rate, gradient.dtype) * tf.sign(gradient))


def _optimizer():
    return SignDescent(0.01)


def _check_two_steps(gan, step, batch):
    """Take two steps: finite losses, both networks' weights moved and finite."""
    networks = gan.generator, gan.discriminator
    weights = [w for network in networks for w in network.trainable_variables]
    before = [np.array(w) for w in weights]
    moved = np.zeros(len(weights), bool)
    for _ in range(2):
        logs = step(batch)
        assert all(np.isfinite(float(value)) for value in logs.values()), logs
        after = [np.array(w) for w in weights]
        assert all(np.isfinite(w).all() for w in after)
        moved |= [(a != b).any() for a, b in zip(before, after, strict=True)]
    assert int(gan.d_updates) == int(gan.g_updates) == 2
    # Not all: a critic's last bias cancels in the Wasserstein loss, a dropped unit rests.
    border = len(gan.generator.trainable_variables)
    assert moved[:border].mean() > 0.5, "generator"
    assert moved[border:].mean() >= 0.5, "discriminator"


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("labels", [False, True], ids=["none", "labels"])
def test_the_product(network, labels, pairs, batch):
    pair, *weights = pairs[network, CLASSES if labels else None]
    for objective, regularizer in itertools.product(OBJECTIVES, REGULARIZERS):
        pair.generator.set_weights(weights[0])
        pair.discriminator.set_weights(weights[1])
        parts = pair, OBJECTIVES[objective](), REGULARIZERS[regularizer]()
        if reason := REFUSED.get((network, regularizer)):
            with pytest.raises(ValueError, match=reason):
                GAN(*parts)
            continue
        gan = GAN(*parts)
        gan.compile(_optimizer(), _optimizer(), run_eagerly=True)
        _check_two_steps(gan, gan.train_step, _batch_for(network, batch, labels))


def test_packing_with_every_objective_and_regularizer(batch):
    for objective, regularizer in itertools.product(OBJECTIVES, REGULARIZERS):
        pair = _build("points", None, **PACKED)
        gan = GAN(pair, OBJECTIVES[objective](), REGULARIZERS[regularizer]())
        gan.compile(_optimizer(), _optimizer(), run_eagerly=True)
        _check_two_steps(gan, gan.train_step, batch[1])


def test_the_cover_misses_no_value():
    networks, _, objectives, regularizers = zip(*COVER, strict=True)
    assert set(networks) == set(NETWORKS) == set(SMALL)
    assert set(objectives) == set(OBJECTIVES)
    assert set(regularizers) == set(REGULARIZERS)


@pytest.mark.parametrize("composition", COVER, ids=lambda c: f"{c[0]}-{c[2]}-{c[3]}")
def test_xla(composition, batch):
    network, options, objective, regularizer = composition
    gan = GAN(
        _build(network, CLASSES, **options), OBJECTIVES[objective](), REGULARIZERS[regularizer]()
    )
    gan.compile(_optimizer(), _optimizer(), jit_compile=True)
    _check_two_steps(gan, tf.function(gan.train_step, jit_compile=True), _batch_for(network, batch))


@pytest.mark.parametrize("composition", COVER, ids=lambda c: f"{c[0]}-{c[2]}-{c[3]}")
def test_bfloat16(composition, batch):
    network, options, objective, regularizer = composition
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        pair = _build(network, CLASSES, **options)
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    gan = GAN(pair, OBJECTIVES[objective](), REGULARIZERS[regularizer]())
    gan.compile(_optimizer(), _optimizer(), run_eagerly=True)
    _check_two_steps(gan, gan.train_step, _batch_for(network, batch))
    fake = pair.generate(tf.zeros((BATCH, pair.latent_dim)), batch[-1])
    assert fake.dtype == tf.float32
    assert pair.score(fake, batch[-1]).dtype == tf.float32
    hidden = [layer.compute_dtype for layer in pair.discriminator.layers]
    assert "bfloat16" in hidden


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_every_divergence_steps(divergence, pairs, batch):
    pair, *weights = pairs["elu", None]
    pair.generator.set_weights(weights[0])
    pair.discriminator.set_weights(weights[1])
    gan = GAN(pair, OBJECTIVES["f_divergence"](divergence, "saddle"))
    gan.compile(_optimizer(), _optimizer(), run_eagerly=True)
    _check_two_steps(gan, gan.train_step, batch[0])


@pytest.mark.parametrize("registry", [OBJECTIVES, REGULARIZERS], ids=lambda r: r.kind)
def test_values_survive_saving_with_their_options(registry):
    for name in registry:
        options = {}
        for key, parameter in registry.options(name).items():
            default = parameter.default
            # Numbers move a little, so that a value dropped on the way would be seen.
            options[key] = default * 0.5 if isinstance(default, float) and default else default
        value = registry[name](**options)
        copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(value))
        assert type(copy) is type(value)
        assert copy.get_config() == value.get_config() == options


def test_option_names_differ_between_axes():
    from tfgan_survey.layers.augmentation import AUGMENTATIONS
    from tfgan_survey.models.optimizers import OPTIMIZERS
    from tfgan_survey.registry import options_of

    axes = {
        registry.kind: {key for name in registry for key in registry.options(name)}
        for registry in (NETWORKS, OBJECTIVES, REGULARIZERS, AUGMENTATIONS, OPTIMIZERS)
    }
    axes["loop"] = set(options_of(GAN)) - {"regularizer", "augmentation"}
    for (one, first), (two, second) in itertools.combinations(axes.items(), 2):
        assert not first & second, (one, two)
