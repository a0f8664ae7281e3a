"""What every registered pair must do; a new pair is tested by being listed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.conditions import Vector
from tfgan_survey.layers.dropout import LatentDropout
from tfgan_survey.layers.sampling import LATENTS, latent_quantile, random_latents
from tfgan_survey.networks import NETWORKS, NetworkPair

# Small, so that building them costs little; every value must accept 8 x 8 images.
SMALL = {
    "dcgan": {"width": 4},
    "elu": {"generator_widths": (4,), "discriminator_widths": (4,)},
    "maxout": {"generator_widths": (4,), "maxout_units": (4,), "pieces": 2},
    "mlp": {"generator_widths": (4,), "discriminator_widths": (4,)},
    "two_branch": {
        "latent_width": 4,
        "label_width": 4,
        "joint_width": 4,
        "image_units": 4,
        "label_units": 4,
        "joint_units": 4,
        "pieces": 2,
        "joint_pieces": 2,
    },
    "points": {"generator_widths": (4,), "maxout_units": (4,), "pieces": 2},
    "residual": {"width": 4},
    "tags": {
        "latent_width": 4,
        "feature_width": 4,
        "tag_units": 4,
        "feature_units": 4,
        "joint_units": 4,
        "pieces": 2,
    },
}
SHAPE, POINTS = (8, 8, 1), (2,)


def _shape(name):
    return POINTS if name == "points" else SHAPE


def _build(name, num_classes=None, seed=0, **options) -> NetworkPair:
    options = {"latent_dim": 3, **SMALL[name], **options}
    return NETWORKS[name](_shape(name), num_classes, seed=seed, **options)


@pytest.fixture(
    scope="module", params=[(n, k) for n in NETWORKS for k in (None, 3, Vector(2))], ids=str
)
def pair(request):
    name, num_classes = request.param
    return _build(name, num_classes)


@pytest.fixture(scope="module")
def batch():
    generator = np.random.default_rng(0)
    latents = generator.uniform(-1, 1, (5, 64)).astype("float32")  # cut to each pair's width
    images = {s: generator.uniform(0, 1, (5, *s)).astype("float32") for s in (SHAPE, POINTS)}
    return latents, images, np.array([0, 1, 2, 1, 0], "int32")


def _labels(pair, labels):
    """Return what a pair takes beside latents and images: nothing, labels, or vectors of them."""
    if isinstance(pair.condition, Vector):
        return np.stack([np.cos(labels), labels - 1.0], axis=1).astype("float32")
    return labels if pair.conditional else None


def test_shapes_and_range(pair, batch):
    latents, images, labels = batch
    images = images[pair.image_shape]
    latents = latents[:, : pair.latent_dim]
    fake = np.array(pair.generate(latents, _labels(pair, labels)))
    low, high = pair.output_range or (-np.inf, np.inf)
    assert fake.shape == images.shape
    assert low <= fake.min() <= fake.max() <= high
    assert np.unique(fake).size > 5
    assert pair.score(images, _labels(pair, labels)).shape == (5, 1)


def test_saving_keeps_outputs(pair, batch):
    latents, images, labels = batch
    latents, images = latents[:, : pair.latent_dim], images[pair.image_shape]
    labels = _labels(pair, labels)
    config = keras.saving.serialize_keras_object(pair)
    copy = keras.saving.deserialize_keras_object(config)
    for role in ("generator", "discriminator"):
        getattr(copy, role).set_weights(getattr(pair, role).get_weights())
    np.testing.assert_array_equal(copy.generate(latents, labels), pair.generate(latents, labels))
    np.testing.assert_array_equal(copy.score(images, labels), pair.score(images, labels))
    assert copy.get_config()["latent"] == pair.latent
    assert copy.output_range == pair.output_range
    assert copy.condition == pair.condition


def _strong(weights):
    """Enlarge kernels; tell rows of classes apart that start alike, as conditional batch norm's."""
    if weights.ndim == 2 and len(weights) > 1 and np.ptp(weights, axis=0).max() == 0:
        return weights + np.random.default_rng(0).normal(size=weights.shape)
    return 10 * weights if weights.ndim > 1 else weights


@pytest.mark.parametrize("condition", [3, Vector(2)], ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_the_condition_matters_to_both_networks(name, condition, batch):
    latents, images, labels = batch
    wide = {key: (32,) if isinstance(value, tuple) else 32 for key, value in SMALL[name].items()}
    pair = _build(name, condition, **wide)
    labels, other = _labels(pair, labels), _labels(pair, (labels + 1) % 3)
    latents = np.resize(latents, (5, pair.latent_dim))
    # Published initial weights are as small as 0.005; scaled up, a label's effect is plain.
    for network in (pair.generator, pair.discriminator):
        network.set_weights([_strong(w) for w in network.get_weights()])
    changed = np.array(pair.generate(latents, labels) - pair.generate(latents, other))
    assert (np.abs(changed).reshape(5, -1).max(axis=1) > 1e-3).all()
    images = images[pair.image_shape]
    changed = np.array(pair.score(images, labels) - pair.score(images, other))
    assert (np.abs(changed) > 1e-5).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_the_seed_decides_the_weights(name):
    first, same, other = (_build(name, seed=seed) for seed in (1, 1, 2))
    for role in ("generator", "discriminator"):
        weights, again, different = (getattr(p, role).get_weights() for p in (first, same, other))
        for a, b in zip(weights, again, strict=True):
            np.testing.assert_array_equal(a, b)
        drawn = [(a, c) for a, c in zip(weights, different, strict=True) if np.ptp(a) > 0]
        assert drawn
        assert all((a != c).any() for a, c in drawn)
        # No two layers of one shape start equal: every draw has its own seed.
        kernels = [a for a in weights if a.ndim > 1]
        for i, a in enumerate(kernels):
            assert not any(a.shape == b.shape and (a == b).all() for b in kernels[:i])


@pytest.mark.parametrize("name", NETWORKS)
def test_options_that_make_no_network_are_refused(name):
    with pytest.raises(ValueError, match="num_classes=1"):
        _build(name, num_classes=1)
    with pytest.raises(ValueError, match="latent distribution"):
        _build(name, latent="gauss")


def test_unknown_pairs_are_refused_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean dcgan"):
        NETWORKS["dcgn"]


def test_points_take_no_images_and_images_no_uint8_points():
    with pytest.raises(ValueError, match="for points"):
        NETWORKS["points"](SHAPE)
    with pytest.raises(ValueError, match="float32; uint8"):
        _build("points").to_network(tf.zeros((1, 2), tf.uint8))


def test_packing_scores_several_points_at_once():
    pair = _build("points", packing=3)
    points = np.random.default_rng(0).normal(size=(6, 2)).astype("float32")
    scores = np.array(pair.score(points))
    assert scores.shape == (2, 1)
    points[5] += 1.0
    again = np.array(pair.score(points))
    assert again[0] == scores[0]
    assert again[1] != scores[1]
    with pytest.raises(ValueError, match="packing"):
        _build("points", 3, packing=2)


def test_norm_on_scores_needs_a_norm():
    with pytest.raises(ValueError, match="discriminator_output_norm=True has no effect"):
        _build("mlp", norm="none", discriminator_output_norm=True)
    names = [w.path for w in _build("mlp", discriminator_output_norm=True).discriminator.weights]
    plain = [w.path for w in _build("mlp").discriminator.weights]
    assert len(names) == len(plain) + 4  # gamma, beta, and the two moving statistics


def test_points_are_judged_by_leaky_units_where_asked():
    pair = _build("points", maxout_units=(3,), discriminator_activation="leaky_relu")
    points = np.random.default_rng(0).normal(size=(20, 2)).astype("float32")
    w, b, v, c = pair.discriminator.get_weights()
    hidden = points @ w + b
    expected = np.where(hidden > 0, hidden, 0.2 * hidden) @ v + c
    np.testing.assert_allclose(np.array(pair.score(points)), expected, rtol=1e-4, atol=1e-7)


def test_the_generators_dropout_is_read_off_the_latent():
    pair = _build("two_branch", 3, latent_width=200, joint_width=300, dropout=0.25)
    assert pair.latent_dim == 3 + 200 + 4 + 300
    plain = _build("two_branch", 3, dropout=0.0)
    assert plain.latent_dim == 3
    drops = [one for one in pair.generator.layers if isinstance(one, LatentDropout)]
    assert [drop.threshold for drop in drops] == [0.25] * 3  # uniform on (0, 1)
    rng = np.random.default_rng(0)
    x, noise = np.ones((50, 300), "float32"), rng.uniform(size=(50, 300)).astype("float32")
    dropped = np.array(drops[-1]([x, noise]))
    np.testing.assert_array_equal(dropped == 0, noise < 0.25)
    assert np.unique(dropped[dropped > 0]) == pytest.approx(1 / 0.75)
    # Training and sampling see the same images for the same latents.
    latents, labels = rng.uniform(size=(4, pair.latent_dim)).astype("float32"), np.arange(4) % 3
    one, other = (np.array(pair.generate(latents, labels, training=t)) for t in (True, False))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("distribution", LATENTS)
def test_latent_quantiles_are_those_of_the_draws(distribution):
    seed = keras.random.SeedGenerator(0)
    values = np.array(random_latents(200, 500, distribution, seed)).ravel()
    for share in (0.2, 0.5, 0.9):
        below = float(np.mean(values < latent_quantile(distribution, share)))
        assert below == pytest.approx(share, abs=0.006)  # 4 standard errors
