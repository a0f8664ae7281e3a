"""CycleGAN: its terms, who moves, the pool, and a map that it finds without pairs."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.data import load_arrays
from tfgan_survey.data.domains import UnpairedSet
from tfgan_survey.data.images import ImageSet
from tfgan_survey.data.sets.mapped import ramp
from tfgan_survey.errors import SettingError
from tfgan_survey.layers.image_pool import ImagePool
from tfgan_survey.models.cycle_gan import CycleGAN
from tfgan_survey.models.optimizers import adam
from tfgan_survey.networks.blocks import normalization
from tfgan_survey.networks.initializers import Initializers
from tfgan_survey.networks.scorer import Scorer
from tfgan_survey.networks.translation import Translation, patch_discriminator, residual
from tfgan_survey.objectives import OBJECTIVES
from tfgan_survey.objectives.least_squares import LeastSquares
from tfgan_survey.regularizers import REGULARIZERS
from tfgan_survey.training import load_run, train
from tfgan_survey.zoo import build

SMALL = {"width": 2, "blocks": 1, "halvings": 1, "patch_width": 2, "patch_layers": 1}
PLAYERS = ("a_to_b", "b_to_a", "discriminator_a", "discriminator_b")


def small(shapes=((8, 8, 1), (8, 8, 3)), seed=0, **options):
    model = CycleGAN(residual(shapes, seed=seed, **SMALL), LeastSquares("zero_one"), **options)
    model.compile("adam", "adam", jit_compile=False, run_eagerly=True)
    return model


def images(count, shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape)).astype(np.uint8)


def values(network):
    return [variable.numpy() for variable in network.variables]


def same(left, right):
    return all(np.array_equal(one, other) for one, other in zip(left, right, strict=True))


def test_terms_are_their_closed_forms():
    model = small(((8, 8, 1), (8, 8, 1)), identity_weight=0.5)
    a, b = images(3, (8, 8, 1), 1), images(3, (8, 8, 1), 2)
    logs = model.losses((tf.constant(a), tf.constant(b)))

    def far(left, right):  # a mean over pixels in [-1, 1]
        return 2.0 * np.mean(np.abs(left - right))

    x, y = a / 255.0, b / 255.0
    cycle = far(model.cycle(a, "a2b"), x) + far(model.cycle(b, "b2a"), y)
    identity = far(model.translate(a, "b2a"), x) + far(model.translate(b, "a2b"), y)
    np.testing.assert_allclose(logs["cycle_loss"], cycle, rtol=1e-5)
    np.testing.assert_allclose(logs["identity_loss"], identity, rtol=1e-5)

    def score(scorer, made):
        return scorer.score(scorer.from_unit(tf.constant(made, tf.float32))).numpy()

    scored = {
        "a": (score(model.spec.a, x), score(model.spec.a, model.translate(b, "b2a"))),
        "b": (score(model.spec.b, y), score(model.spec.b, model.translate(a, "a2b"))),
    }
    d_loss = sum(0.5 * np.mean((r - 1) ** 2) + 0.5 * np.mean(f**2) for r, f in scored.values())
    g_loss = sum(0.5 * np.mean((f - 1) ** 2) for _, f in scored.values())
    np.testing.assert_allclose(logs["d_loss"], d_loss, rtol=1e-4)
    np.testing.assert_allclose(logs["g_loss"], g_loss, rtol=1e-4)


def test_the_translators_loss_is_the_weighted_sum():
    shapes = ((8, 8, 1), (8, 8, 1))
    model = small(
        shapes, cycle_weight=7.0, cycle_weight_b=3.0, identity_weight=0.3, adversarial_weight=2.0
    )
    batch = tuple(tf.constant(images(2, (8, 8, 1), seed)) for seed in (1, 2))
    real = model.unpack(batch)
    with tf.GradientTape() as tape:
        a, b = real
        there = {"b": model.a_to_b(a, training=True), "a": model.b_to_a(b, training=True)}
        scores = model.spec.a.score(there["a"]), model.spec.b.score(there["b"])
        adversarial = sum(0.5 * tf.reduce_mean(tf.square(one - 1.0)) for one in scores)

        def far(made, wanted):
            return tf.reduce_mean(tf.abs(made - wanted))

        from_a = far(model.b_to_a(there["b"]), a) + 0.3 * far(model.b_to_a(a), a)
        from_b = far(model.a_to_b(there["a"]), b) + 0.3 * far(model.a_to_b(b), b)
        loss = 2.0 * adversarial + 7.0 * from_a + 3.0 * from_b
    wanted = tape.gradient(loss, [v.value for v in model.translators.trainable_variables])
    taken = []
    model.g_optimizer.apply = lambda gradients, variables: taken.extend(gradients)
    model.update(batch)
    for left, right in zip(taken, wanted, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-6)


def test_each_update_leaves_the_other_player_bitwise_and_steps_are_counted_together():
    model = small()
    batch = (tf.constant(images(2, (8, 8, 1))), tf.constant(images(2, (8, 8, 3))))
    start = {name: values(getattr(model, name)) for name in PLAYERS}
    apply = model.g_optimizer.apply
    model.g_optimizer.apply = lambda *moved: None
    model.update(batch)
    now = {name: values(getattr(model, name)) for name in PLAYERS}
    assert [same(now[name], start[name]) for name in PLAYERS] == [True, True, False, False]
    model.g_optimizer.apply, model.d_optimizer.apply = apply, lambda *moved: None
    model.update(batch)
    after = {name: values(getattr(model, name)) for name in PLAYERS}
    assert [same(after[name], now[name]) for name in PLAYERS] == [False, False, True, True]
    assert int(model.g_optimizer.iterations) == int(model.d_optimizer.iterations) == 1


COMPOSED = [(name, "none") for name in OBJECTIVES] + [("wasserstein", n) for n in REGULARIZERS]


@pytest.mark.parametrize("objective, regularizer", sorted({*COMPOSED}))
def test_any_objective_and_regularizer_trains_it(objective, regularizer):
    model = CycleGAN(
        residual(((8, 8, 1), (8, 8, 1)), **{**SMALL, "blocks": 0}), OBJECTIVES[objective](),
        REGULARIZERS[regularizer](), identity_weight=0.1,
    )  # fmt: skip
    model.compile("adam", "adam", jit_compile=False, run_eagerly=True)
    start = {name: values(getattr(model, name)) for name in PLAYERS}
    logs = model.update(tuple(tf.constant(images(2, (8, 8, 1), seed)) for seed in (1, 2)))
    assert all(np.isfinite(float(logs[name])) for name in model.log_names)
    assert not any(same(values(getattr(model, name)), start[name]) for name in PLAYERS)


def test_evaluate_leaves_the_model_bitwise():
    model = small()
    data = UnpairedSet("toy", *(labelled(images(4, s, 1)) for s in model.spec.image_shape))
    before = [variable.numpy() for variable in model.variables]
    logs = model.evaluate(data.stream(2), verbose=0, return_dict=True)
    assert set(logs) == set(model.log_names)
    assert same([variable.numpy() for variable in model.variables], before)


def labelled(pixels):
    return ImageSet("toy", pixels, np.zeros(len(pixels), np.int32), 1, ("toy",))


# ---------------------------------------------------------------------- the pool


def test_a_pool_that_is_not_full_gives_back_what_comes_and_keeps_it():
    pool, seed = ImagePool(5, (2, 2, 1)), keras.random.SeedGenerator(0)
    first, second = (tf.random.stateless_uniform((n, 2, 2, 1), (n, 0)) for n in (2, 3))
    assert np.array_equal(pool.exchange(first, seed), first)
    assert int(pool.count) == 2
    assert np.array_equal(pool.exchange(second, seed), second)
    assert int(pool.count) == 5
    assert np.array_equal(pool.images, tf.concat([first, second], 0))


def test_a_full_pool_exchanges_half_of_what_comes_and_loses_nothing():
    pool, seed = ImagePool(10, (1, 1, 1)), keras.random.SeedGenerator(0)
    exchange = tf.function(lambda came: pool.exchange(came, seed))
    exchange(tf.reshape(tf.range(10, dtype=tf.float32), (-1, 1, 1, 1)))
    held, swapped, slots = set(range(10)), 0, set()
    for step in range(200):
        came = tf.reshape(tf.range(10.0) + 100.0 * (step + 1), (-1, 1, 1, 1))
        shown = exchange(came).numpy().ravel()
        now = set(pool.images.numpy().ravel().tolist())
        # Everything that was held or came is either shown or held, once.
        assert sorted([*shown.tolist(), *now]) == sorted([*held, *came.numpy().ravel().tolist()])
        swapped += int(np.sum(shown != came.numpy().ravel()))
        slots |= {i for i in range(10) if pool.images.numpy().ravel()[i] >= 100 * (step + 1)}
        held = now
    # 2,000 draws with probability 1/2: standard deviation 22.
    assert 1900 / 2 < swapped < 2100 / 2
    assert slots == set(range(10))


def test_a_pool_of_none_passes_everything_and_draws_nothing():
    seed = keras.random.SeedGenerator(3)
    before = seed.state.numpy()
    came = tf.ones((2, 1, 1, 1))
    assert np.array_equal(ImagePool(0, (1, 1, 1)).exchange(came, seed), came)
    assert np.array_equal(seed.state, before)


# ---------------------------------------------------------------------- networks


@pytest.mark.parametrize("layers, sees", [(1, 16), (2, 34), (3, 70)])
def test_a_patch_discriminator_sees_what_its_gradient_reaches(layers, sees):
    scorer = patch_discriminator((96, 96, 1), Initializers("keras", 0), 2, layers, "none")
    x = tf.random.stateless_normal((1, 96, 96, 1), (0, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        scores = scorer.score(x)
        middle = scores[0, scores.shape[1] // 2, scores.shape[2] // 2, 0]
    touched = np.argwhere(tape.gradient(middle, x).numpy()[0, :, :, 0] != 0)
    assert (touched.max(axis=0) - touched.min(axis=0) + 1).tolist() == [sees, sees]


def test_instance_norm_is_its_formula():
    x = np.random.default_rng(0).normal(3.0, 5.0, (2, 4, 4, 3)).astype(np.float32)
    mean, spread = x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)
    found = normalization("instance", scale=False, epsilon=1e-5)(x)
    np.testing.assert_allclose(found, (x - mean) / np.sqrt(spread + 1e-5), atol=1e-5)


def test_translators_change_channels_and_sizes():
    networks = residual(((8, 12, 1), (16, 8, 3)), **SMALL)
    assert networks.a_to_b.output_shape == (None, 16, 8, 3)
    assert networks.b_to_a.output_shape == (None, 8, 12, 1)


def test_with_a_skip_a_translator_without_weights_is_tanh_of_twice_the_image():
    pair = residual(((8, 8, 1), (8, 8, 3)), skip=True, **SMALL)
    grey, colour = (np.float32(images(2, (8, 8, c))) / 127.5 - 1.0 for c in (1, 3))
    for network in (pair.a_to_b, pair.b_to_a):
        last = next(one for one in reversed(network.layers) if isinstance(one, keras.layers.Conv2D))
        last.set_weights([np.zeros_like(one) for one in last.get_weights()])
    np.testing.assert_allclose(
        pair.a_to_b(grey), np.repeat(np.tanh(2.0 * grey), 3, axis=-1), atol=1e-6
    )
    brightness = colour.mean(axis=-1, keepdims=True)
    np.testing.assert_allclose(pair.b_to_a(colour), np.tanh(2.0 * brightness), atol=1e-6)


def test_frames_of_both_ways_and_their_averages_start_where_the_other_domain_lies():
    networks = residual(((8, 8, 1), (8, 8, 1)), frame=True, **SMALL)
    model = CycleGAN(networks, LeastSquares("zero_one"), ema=0.9)
    wide, narrow = np.zeros((2, 1, 8, 8, 1), np.uint8)
    wide[0, 1:7, 1:7], narrow[0, 2:6, 3:5] = 200, 100
    model.adapt((wide, narrow))
    there, back = model.a_to_b.get_layer(index=1), model.b_to_a.get_layer(index=1)
    scales = [1.0 + one.speed * one.frame.numpy()[:, 0] for one in (there, back)]
    # deviation of n equal pixels: sqrt((n^2 - 1) / 12)
    np.testing.assert_allclose(scales[0], np.sqrt([35 / 15, 35 / 3]), rtol=1e-5)
    np.testing.assert_allclose(scales[0] * scales[1], 1.0, rtol=1e-5)
    for network, average in ((model.a_to_b, model.ema_a_to_b), (model.b_to_a, model.ema_b_to_a)):
        assert same(values(network), values(average))


def test_what_cannot_be_built_says_so():
    with pytest.raises(SettingError, match="built for two domains"):
        residual((28, 28, 1))
    with pytest.raises(SettingError, match="multiples of 4"):
        residual(((30, 30, 1), (30, 30, 1)))
    with pytest.raises(SettingError, match="no patches left"):
        residual(((16, 16, 1), (16, 16, 1)))
    with pytest.raises(SettingError, match="set identity_weight=0"):
        small(identity_weight=0.5)
    with pytest.raises(SettingError, match=r"jitter=0\.5"):
        small(jitter=0.5)


# ---------------------------------------------------------------------- training


@keras.saving.register_keras_serializable("test_cycle_gan")
class Affine(keras.layers.Layer):
    def build(self, input_shape):
        self.slope = self.add_weight(initializer="ones", name="slope")
        self.shift = self.add_weight(initializer="zeros", name="shift")

    def call(self, x):
        return self.slope * x + self.shift


def linear():
    x = keras.Input((4, 4, 1))
    return keras.Model(x, Affine()(x))


def moments():
    x = keras.Input((4, 4, 1))
    y = keras.layers.Flatten()(x)
    y = keras.layers.Concatenate()([y, keras.ops.square(y)])
    y = keras.layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(0))(y)
    return Scorer(keras.Model(x, y), image_shape=(4, 4, 1), output_range=(-1.0, 1.0))


def test_linear_translators_find_a_linear_map_and_its_inverse():
    rng = np.random.default_rng(0)
    a, b = (rng.uniform(-0.5, 0.5, (4096, 4, 4, 1)).astype(np.float32) for _ in range(2))
    b = 0.5 * b + 0.25  # B is A under this map, drawn apart: nobody sees a pair
    model = CycleGAN(
        Translation(moments(), moments(), linear(), linear()), LeastSquares("zero_one"),
        cycle_weight=1.0, pool_size=0,
    )  # fmt: skip
    falls = {"beta_1": 0.5, "falls_from": 500, "falls_until": 900}
    model.compile(*(adam(rate, **falls) for rate in (1e-2, 3e-3)), jit_compile=False)
    data = tf.data.Dataset.from_tensor_slices(((a + 1) / 2, (b + 1) / 2)).repeat().batch(128)
    model.fit(data, steps_per_epoch=900, verbose=0)
    slope, shift = (float(v.numpy()) for v in model.a_to_b.trainable_variables)
    assert abs(slope - 0.5) < 0.06 and abs(shift - 0.25) < 0.04
    back, away = (float(v.numpy()) for v in model.b_to_a.trainable_variables)
    assert abs(back * slope - 1) < 0.06 and abs(back * shift + away) < 0.04


def test_a_short_training_on_digits_finds_most_of_a_known_map():
    data = load_arrays("mnist_mini", "train[:8000]")
    halves = (data.images[:4000], ramp(data.images[4000:]))
    both = UnpairedSet("ramp", *(labelled(half) for half in halves))
    model = build(
        "cyclegan_digits", both.image_shape, width=8, blocks=1, patch_width=16, ema=0.9,
        falls_from=60, falls_until=120,
    )  # fmt: skip
    model.fit(both.stream(16).repeat(), steps_per_epoch=120, verbose=0)
    digits = load_arrays("mnist_mini", "test[:200]").images
    truth = ramp(digits) / 255.0
    untranslated = np.mean(np.abs(digits / 255.0 - truth))
    assert 0.6 < untranslated < 0.9
    # Measured: 0.15 and 0.23 (seed 0).
    assert np.mean(np.abs(model.translate(digits) - truth)) < 0.25
    back = model.translate(ramp(digits), "b2a")
    assert np.mean(np.abs(back - digits / 255.0)) < 0.35


SETTINGS = {
    "dataset": "mnist_mini,mnist_mini", "split": "train[:40],train[40:88]", "batch_size": 4,
    "width": 2, "blocks": 0, "halvings": 1, "patch_width": 2, "patch_layers": 1,
    "identity_weight": 0.5, "flip": True, "jitter": 1.1, "falls_from": 10, "falls_until": 20,
    "jit_compile": False,
}  # fmt: skip


def run(folder, steps, resume=False):
    return train(
        "cyclegan_digits", folder, resume=resume, overrides={**SETTINGS, "steps": steps},
        verbose=0, log=lambda line: None,
    )[0]  # fmt: skip


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "straight"
    run(folder, 14)
    return folder


def test_a_training_resumed_with_a_half_full_pool_ends_the_same_to_the_bit(straight, tmp_path):
    stopped = run(tmp_path / "parts", 6)
    assert int(stopped.pool_a.count) == 24 < 50
    run(tmp_path / "parts", 14, resume=True)
    ends = [load_run(folder) for folder in (straight, tmp_path / "parts")]
    assert int(ends[0].pool_a.count) == 50
    for left, right in zip(*(model.variables for model in ends), strict=True):
        assert np.array_equal(left.numpy(), right.numpy()), left.path
    for name in CycleGAN.optimizer_names:
        for left, right in zip(*(getattr(m, name).variables for m in ends), strict=True):
            assert np.array_equal(left.numpy(), right.numpy())


def test_its_export_answers_as_the_model_does(straight, tmp_path):
    from tfgan_survey.export import export_run

    path = export_run(straight, tmp_path / "exported", log=lambda line: None)
    served = tf.saved_model.load(str(path)).signatures
    model, digits = load_run(straight), images(3, (28, 28, 1))
    for name, direction in (("a_to_b", "a2b"), ("b_to_a", "b2a")):
        made = model.translate(digits, direction)
        given = tf.constant(digits / 255.0, tf.float32)
        np.testing.assert_allclose(served[name](images=given)["images"], made, atol=1e-5)
        coded = tf.constant([tf.io.encode_png(one).numpy() for one in digits])
        answer = served[f"{name}_png"](image_bytes=coded)["image_bytes"].numpy()
        pixels = np.stack([tf.io.decode_png(one).numpy() for one in answer])
        np.testing.assert_allclose(pixels / 255.0, made, atol=0.51 / 255)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"expected shape \[28,28,1\]"):
        served["a_to_b_png"](image_bytes=tf.constant([tf.io.encode_png(digits[0, :9]).numpy()]))


def test_by_name_it_is_built_for_two_shapes():
    model = build("cyclegan_digits", ((28, 28, 1), (28, 28, 3)), width=2, patch_width=2, blocks=0)
    assert model.translate(images(2, (28, 28, 3)), "b2a").shape == (2, 28, 28, 1)
    with pytest.raises(SettingError, match="translates a2b and b2a"):
        model.translate(images(1, (28, 28, 1)), "c2d")
    with pytest.raises(ValueError, match=r"\(28, 28, 3\)|28, 28, 3"):
        model.translate(images(1, (28, 28, 1)), "b2a")
