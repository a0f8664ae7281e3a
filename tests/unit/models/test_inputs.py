"""What comes into a model: pixels' scale, labels, numbers; nothing wrong is taken in silence."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from toy_gan import SHAPE, batches, equal, make, weights

from tfgan_survey.errors import SettingError
from tfgan_survey.models import GAN
from tfgan_survey.networks import mlp
from tfgan_survey.networks.pair import NetworkPair
from tfgan_survey.objectives.minimax import NonSaturating

INTS, LABELS = batches().images, batches().labels
UNIT = (INTS / 255.0).astype(np.float32)


def symmetric(eager=False, num_classes=None):
    """Return a GAN whose networks work in [-1, 1]."""
    pair = mlp(SHAPE, num_classes, seed=0, latent_dim=5, generator_widths=(4,),
               discriminator_widths=(4,), norm="none")  # fmt: skip
    pair = NetworkPair(**{**vars(pair), "output_range": (-1.0, 1.0)})
    gan = GAN(pair, NonSaturating())
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), jit_compile=False,
                run_eagerly=eager, steps_per_execution=None if eager else 2)  # fmt: skip
    return gan


@pytest.mark.parametrize("low", [-1.0, 0.0])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_are_scaled_as_uint8_is(low, dtype):
    pair = mlp(SHAPE, latent_dim=5)
    pair = NetworkPair(**{**vars(pair), "output_range": (low, 1.0)})
    ints = tf.constant(INTS)
    scaled = pair.to_network(tf.cast(ints, dtype) / 255)
    assert scaled.dtype == tf.float32
    atol = 1e-3 if dtype == "float16" else 1e-6
    np.testing.assert_allclose(scaled, pair.to_network(ints), atol=atol)
    np.testing.assert_allclose(pair.to_network(ints), low + (1 - low) * UNIT, atol=1e-6)


def test_fit_on_floats_gives_the_weights_of_fit_on_uint8():
    ints, floats = symmetric(), symmetric()
    start = weights(ints.discriminator)
    ints.fit(INTS, batch_size=16, shuffle=False, verbose=0)
    floats.fit(UNIT, batch_size=16, shuffle=False, verbose=0)
    for network in ("generator", "discriminator"):
        pairs = zip(weights(getattr(ints, network)), weights(getattr(floats, network)), strict=True)
        for left, right in pairs:
            np.testing.assert_allclose(left, right, rtol=0, atol=1e-6)
    moved = [np.abs(a - b).max() for a, b in zip(start, weights(ints.discriminator), strict=True)]
    assert max(moved) > 1e-3


@pytest.mark.parametrize("method", ["fit", "evaluate"])
@pytest.mark.parametrize(
    ("images", "message"),
    [
        (2 * UNIT - 1, r"from -1 to 1 came; expected \[0, 1\].*\(images \+ 1\) / 2"),
        (255 * UNIT, r"from 0 to 255 came; expected \[0, 1\].*images / 255"),
        (UNIT + 0.01, r"from 0.01 to 1.01 came"),
        (np.where(UNIT > 0.99, np.nan, UNIT), "NaN"),
        (INTS.astype(np.int32), "int32 images came; expected uint8"),
        (INTS.astype(np.int64), "int64 images came; expected uint8"),
        (INTS > 127, "bool images came; expected uint8"),
    ],
)
def test_other_pixels_are_refused(method, images, message):
    gan = symmetric(eager=True)
    with pytest.raises(ValueError, match=message):
        getattr(gan, method)(images, batch_size=48, verbose=0)


def test_pixels_are_refused_in_the_compiled_step_and_rounding_is_not():
    gan = symmetric()
    gan.compile(jit_compile=True, steps_per_execution=2)
    with pytest.raises(ValueError, match="from -1 to 1 came"):
        gan.fit(2 * UNIT - 1, batch_size=48, verbose=0)
    gan.fit(np.clip(UNIT * 1.0005, -5e-4, None), batch_size=48, verbose=0)


def test_points_are_taken_in_their_own_units():
    from tfgan_survey.networks import points

    gan = GAN(points((2,)), NonSaturating())
    given = tf.constant([[-7.0, 300.0]])
    images, _ = gan.unpack(given)
    np.testing.assert_array_equal(images, given)
    assert int(gan._fault.numpy()[0]) == 0
    pair = mlp((2,), latent_dim=3)
    ranged = GAN(NetworkPair(**{**vars(pair), "output_range": (-8.0, 8.0)}), NonSaturating())
    np.testing.assert_array_equal(ranged.unpack(tf.constant([[-7.0, 8.0]]))[0], [[-7.0, 8.0]])
    ranged.compile(run_eagerly=True)
    with pytest.raises(ValueError, match=r"from -7 to 300 came; expected \[-8, 8\]. Scale the"):
        ranged.fit(given.numpy(), verbose=0)


@pytest.mark.parametrize(("bad", "compiled"), [(3, True), (-1, False), (2**32, False)])
def test_labels_out_of_range_are_refused_by_fit_evaluate_and_predict(bad, compiled):
    gan = make(3, eager=not compiled, jit=compiled, spe=2, widths=(2,))
    labels = LABELS.astype(np.int64)
    labels[20] = bad
    low, high = min(bad, 0), max(bad, 2)
    for run in (
        lambda: gan.fit(INTS, labels, batch_size=24, verbose=0),
        lambda: gan.evaluate(INTS, labels, batch_size=24, verbose=0),
        lambda: gan.predict([np.zeros((48, 5), np.float32), labels], batch_size=24, verbose=0),
    ):
        with pytest.raises(ValueError, match=f"labels {low}..{high}: expected 0 to 2"):
            run()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.full(48, 0.5, np.float32), "labels are float32; expected integer"),
        (np.zeros((48, 1), np.int32), r"one class id a row"),
        (np.eye(3, dtype=np.int32)[LABELS], r"one class id a row"),
    ],
)
def test_labels_of_another_form_are_refused(labels, message):
    gan = make(3, widths=(2,))
    with pytest.raises(ValueError, match=message):
        gan.fit(INTS, labels, batch_size=48, verbose=0)
    with pytest.raises(ValueError, match=message):
        gan([tf.zeros((48, 5)), tf.constant(labels)])


def test_sample_weights_are_refused():
    with pytest.raises(ValueError, match="weights came"):
        make(3).fit(INTS, LABELS, sample_weight=np.ones(48), batch_size=48, verbose=0)


def test_call_and_sample_refuse_labels_out_of_range():
    gan = make(3)
    latents, seeds = tf.zeros((2, 5)), tf.range(2, dtype=tf.int64)
    for bad in (3, -1):
        for run in (gan, lambda given: gan.sample(seeds, given[1])):
            with pytest.raises(ValueError, match="expected 0 to 2"):
                run([latents, tf.constant([0, bad])])
            with pytest.raises(tf.errors.InvalidArgumentError, match="class ids 0 to 2"):
                tf.function(run)([latents, tf.constant([0, bad])])
    assert gan([latents, tf.constant([0, 2])]).shape == (2, *SHAPE)


def test_inputs_that_do_not_fit_the_model_are_named():
    latents, labels = tf.zeros((2, 5)), tf.constant([0, 1])
    with pytest.raises(ValueError, match=r"maps \[latents, labels\] to images; one input came"):
        make(3)(latents)
    with pytest.raises(ValueError, match="maps latents alone to images; 2 inputs came"):
        make(None)([latents, labels])
    with pytest.raises(ValueError, match=r"maps \[latents, labels\]"):
        make(3, eager=False).predict(latents, verbose=0)
    with pytest.raises(ValueError, match="seeds are float32"):
        make(None).sample(tf.constant([2.5]))


@pytest.mark.parametrize("eager", [True, False])
def test_predict_maps_latents_to_the_images_of_call(eager):
    latents = np.random.default_rng(0).uniform(-1, 1, (6, 5)).astype(np.float32)
    labels = np.arange(6, dtype=np.int32) % 3
    gan = make(3, eager=eager)
    wanted = gan([latents, labels])
    slices = tf.data.Dataset.from_tensor_slices
    for given in (
        [latents, labels],
        slices((latents, labels)).batch(4),
        slices(((latents, labels),)).batch(4),
    ):
        np.testing.assert_allclose(gan.predict(given, verbose=0), wanted, atol=1e-6)
    plain = make(None, eager=eager)
    wanted = plain(latents)
    for given in (latents, slices(latents).batch(4)):
        np.testing.assert_allclose(plain.predict(given, verbose=0), wanted, atol=1e-6)


def test_an_eager_fit_logs_what_a_compiled_one_does():
    runs = [make(3, eager=eager, spe=1) for eager in (True, False)]
    logs = [run.fit(INTS, LABELS, batch_size=16, shuffle=False, verbose=0).history for run in runs]
    assert set(logs[0]) == set(logs[1]) and logs[0]["d_updates"] == [3]
    for key, values in logs[0].items():
        np.testing.assert_allclose(values, logs[1][key], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_critic": 0}, "n_critic=0: expected 1 to 2147483647"),
        ({"n_critic": 2.5}, "n_critic=2.5"),
        ({"n_critic": 2**31}, "n_critic"),
        ({"n_critic": True}, "n_critic=True"),
        ({"ema": 1.0}, "ema=1.0: expected a decay between 0 and 1"),
        ({"ema": 1.5}, "ema=1.5"),
        ({"ema": 0.0}, "ema=0.0"),
        ({"ema": float("nan")}, "ema=nan"),
        ({"truncation": float("nan")}, "truncation=nan: expected above 0 and at most 1"),
        ({"truncation": 0.0}, "truncation=0.0"),
        ({"truncation": 1.5}, "truncation=1.5"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": 2.5}, "seed=2.5"),
        ({"simultaneous": "no"}, "simultaneous='no': expected True or False"),
        ({"fresh_latents": 1}, "fresh_latents=1"),
    ],
)
def test_arguments_outside_their_range_are_refused(options, message):
    with pytest.raises(SettingError, match=message):
        GAN(mlp(SHAPE, latent_dim=2, generator_widths=(2,), discriminator_widths=(2,)),
            NonSaturating(), **options)  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps_per_execution": 2**31}, "steps_per_execution=2147483648: .*1 to 2147483647"),
        ({"steps_per_execution": 0}, "steps_per_execution=0"),
        ({"steps_per_execution": -1}, "steps_per_execution=-1"),
        ({"steps_per_execution": 2.5}, "steps_per_execution=2.5"),
        ({"steps_per_execution": 4, "run_eagerly": True}, "one step per execution"),
        ({"jit_compile": "no"}, "jit_compile='no'"),
    ],
)
def test_compile_refuses_what_would_train_nothing(options, message):
    with pytest.raises(SettingError, match=message):
        make(None).compile(**options)


def test_the_longest_execution_trains_the_whole_epoch():
    gan = make(3, eager=False, spe=2**31 - 1)
    gan.fit(INTS, LABELS, batch_size=16, verbose=0)
    assert int(gan.d_updates.numpy()) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"latent_dim": 0}, "latent_dim=0"),
        ({"latent_dim": 2.5}, "latent_dim=2.5"),
        ({"num_classes": 0}, "num_classes=0"),
    ],
)
def test_pairs_refuse_sizes_that_are_none(options, message):
    pair = mlp(SHAPE, latent_dim=5)
    with pytest.raises(SettingError, match=message):
        NetworkPair(**{**vars(pair), **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num": 0}, "num=0"),
        ({"num": 2.5}, "num=2.5"),
        ({"num": 2, "batch_size": 0}, "batch_size=0"),
        ({"num": 2, "seed": 2.5}, "seed=2.5"),
        ({"num": 2, "seed": 2**63 - 1}, "seed="),
        ({"num": 2, "labels": [True]}, "one class id"),
    ],
)
def test_generate_refuses_numbers_that_it_would_cut(options, message):
    with pytest.raises(ValueError, match=message):
        make(3).generate(**options)


def state(gan):
    parts = (gan, gan.generator, gan.discriminator, gan.d_optimizer, gan.g_optimizer)
    return [variable.numpy().copy() for part in parts for variable in part.variables]


@pytest.fixture(scope="module")
def trained():
    """Return a model in the middle of an epoch, with every kind of state."""
    gan = make(3, eager=False, n_critic=2, ema=0.9, objective=NonSaturating(flip_probability=0.3))
    gan.fit(INTS, LABELS, batch_size=16, verbose=0)
    return gan


@pytest.mark.parametrize("use", ["evaluate", "generate", "sample", "predict", "export", "call"])
def test_using_a_model_leaves_it_bitwise_unchanged(trained, tmp_path, use):
    from tfgan_survey.export import export_savedmodel

    latents, labels = np.zeros((3, 5), np.float32), np.arange(3, dtype=np.int32)
    uses = {
        "evaluate": lambda: trained.evaluate(INTS, LABELS, batch_size=16, verbose=0),
        "generate": lambda: trained.generate(5, seed=1),
        "sample": lambda: trained.sample(tf.range(3), tf.constant(labels)),
        "predict": lambda: trained.predict([latents, labels], verbose=0),
        "export": lambda: export_savedmodel(trained, tmp_path / "toy", log=lambda _: None),
        "call": lambda: trained([latents, labels]),
    }
    before = state(trained)
    uses[use]()
    assert equal(before, state(trained))


def test_evaluate_has_the_losses_of_networks_in_inference_mode(trained):
    real = trained.pair.to_network(tf.constant(INTS))
    labels = tf.constant(LABELS)
    # the latents that the next training step would draw, from a copy of its generator
    copy = keras.random.SeedGenerator(0)
    copy.state.assign(trained.seed_generator.state)
    from tfgan_survey.layers.sampling import random_latents

    latents = random_latents(48, 5, trained.pair.latent, copy)
    fake = trained.generator([latents, labels], training=False)
    scores = trained.discriminator([real, labels], training=False)
    expected = float(tf.reduce_mean(tf.sigmoid(scores)))
    fake_scores = trained.discriminator([fake, labels], training=False)
    logs = [
        trained.evaluate(INTS, LABELS, batch_size=48, verbose=0, return_dict=True) for _ in range(2)
    ]
    assert logs[0] == logs[1]
    assert logs[0]["d_real"] == pytest.approx(expected, abs=1e-6)
    assert logs[0]["g_loss"] == pytest.approx(
        float(tf.reduce_mean(tf.nn.softplus(-fake_scores))), abs=1e-5
    )
    in_training = trained.discriminator([real, labels], training=True)
    assert abs(float(tf.reduce_mean(tf.sigmoid(in_training))) - expected) > 1e-5


def test_validation_inside_fit_changes_nothing_of_the_training():
    with_validation, without = make(3, eager=False), make(3, eager=False)
    with_validation.fit(
        INTS, LABELS, batch_size=16, epochs=2, shuffle=False, verbose=0,
        validation_data=(INTS, LABELS),
    )  # fmt: skip
    without.fit(INTS, LABELS, batch_size=16, epochs=2, shuffle=False, verbose=0)
    assert equal(state(with_validation), state(without))
