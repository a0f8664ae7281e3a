"""The two-player loop: who moves, how often, what is kept, what is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from toy_gan import SHAPE, batch, batches, equal, make, weights

from tfgan_survey.errors import NonFiniteLossError
from tfgan_survey.layers.sampling import latents_from_seeds
from tfgan_survey.models import GAN, ConditionalGAN, updates
from tfgan_survey.networks import mlp, two_branch
from tfgan_survey.objectives.loss_sensitive import LossSensitive
from tfgan_survey.objectives.minimax import NonSaturating


@pytest.mark.parametrize("num_classes", [None, 3])
def test_discriminator_update_leaves_generator_bitwise_unchanged(num_classes):
    # n_critic=2: the first step moves D alone, and D has batch norm in both networks.
    gan = make(num_classes, n_critic=2)
    before = weights(gan.generator)
    d_before = weights(gan.discriminator)
    gan.train_step(batch())
    assert equal(before, weights(gan.generator))
    assert not equal(d_before, weights(gan.discriminator))
    gan.train_step(batch())
    assert not equal(before, weights(gan.generator))


@pytest.mark.parametrize("n_critic", [1, 2])
def test_generator_update_leaves_discriminator_bitwise_unchanged(n_critic):
    gan = make(3, n_critic=n_critic)
    _, labels = batch()
    latents = tf.random.stateless_uniform((16, 5), (1, 2))
    before = weights(gan.discriminator)
    g_before = weights(gan.generator)
    updates.update_generator(gan, latents, labels)
    assert equal(before, weights(gan.discriminator))
    assert not equal(g_before, weights(gan.generator))


@pytest.mark.parametrize("n_critic", [1, 3])
def test_update_counts_are_n_critic_to_one_in_compiled_fit(n_critic):
    gan = make(3, eager=False, n_critic=n_critic)
    logs = gan.fit(batches().stream(8), epochs=2, verbose=0).history
    assert int(gan.d_updates.numpy()) == 12 == logs["d_updates"][-1]
    assert int(gan.g_updates.numpy()) == 12 // n_critic == logs["g_updates"][-1]
    assert int(gan.d_optimizer.iterations.numpy()) == 12
    assert int(gan.g_optimizer.iterations.numpy()) == 12 // n_critic


def test_fresh_latents_give_the_generator_other_latents_than_the_discriminator():
    """Algorithm 1 draws twice a step; the default draws once and both players see it."""

    def latents_seen(**options):
        gan = make(3, norm="none", **options)
        seen, generate = [], gan.pair.generate
        gan.pair.generate = lambda latents, *args, **kwargs: (
            seen.append(latents) or generate(latents, *args, **kwargs)
        )
        before = gan.seed_generator.state.numpy().copy()
        gan.train_step(batch())
        gan.pair.generate = generate
        return seen, gan.seed_generator.state.numpy() - before

    shared, one_draw = latents_seen()
    assert len(shared) == 1
    fresh, two_draws = latents_seen(fresh_latents=True)
    assert len(fresh) == 2 and np.abs(fresh[0] - fresh[1]).max() > 0.1
    np.testing.assert_array_equal(fresh[0], shared[0])
    assert one_draw.sum() > 0
    np.testing.assert_array_equal(two_draws, 2 * one_draw)


@pytest.mark.parametrize(("fresh", "draws"), [(False, 6), (True, 12)])
def test_fresh_latents_count_with_several_critic_steps(fresh, draws):
    def state_after(gan, steps):
        for _ in range(steps):
            gan.train_step(batch())
        return gan.seed_generator.state.numpy()

    one = state_after(make(3), 1) - make(3).seed_generator.state.numpy()
    gan = make(3, n_critic=3, fresh_latents=fresh)
    start = gan.seed_generator.state.numpy()
    np.testing.assert_array_equal(state_after(gan, 6) - start, draws * one)
    assert int(gan.g_updates.numpy()) == 2
    assert GAN.from_config(gan.get_config()).fresh_latents is fresh


def test_shared_latents_with_several_critic_steps_are_those_of_the_critic():
    gan = make(3, n_critic=2)
    seen, generate = [], gan.pair.generate
    gan.pair.generate = lambda latents, *args, **kwargs: (
        seen.append(latents) or generate(latents, *args, **kwargs)
    )
    for _ in range(2):
        gan.train_step(batch())
    assert len(seen) == 3  # D, D, G
    np.testing.assert_array_equal(seen[1], seen[2])


def test_published_warm_up_gives_100_critic_steps_at_first():
    gan = make(None, eager=False, n_critic=5, critic_warm_up=True, spe=50, widths=(2,))
    data = batches(8 * 210)
    gan.fit(data.stream(8), epochs=1, verbose=0)
    assert int(gan.g_updates.numpy()) == 2  # of 210 steps, at 100 and 200


def test_shared_generator_pass_equals_two_passes():
    """One pass for both updates is exact: G does not change between them."""
    shared, apart = make(3, norm="none"), make(3, norm="none")
    latents = tf.random.stateless_uniform((16, 5), (3, 4))
    images, labels = batch()
    real = shared.pair.to_network(images)
    updates.shared_pass(shared, real, labels, latents)
    fake = apart.pair.generate(latents, labels, training=True)
    updates.update_discriminator(apart, real, fake, labels)
    updates.update_generator(apart, latents, labels)
    assert equal(weights(shared.generator), weights(apart.generator))
    assert equal(weights(shared.discriminator), weights(apart.discriminator))


def test_simultaneous_takes_both_gradients_at_the_same_weights():
    gan = make(3, norm="none", simultaneous=True)
    reference = make(3, norm="none")
    latents = tf.random.stateless_uniform((16, 5), (3, 4))
    images, labels = batch()
    real = gan.pair.to_network(images)
    updates.simultaneous(gan, real, labels, latents)
    updates.update_generator(reference, latents, labels)  # G's gradient before D moves
    assert equal(weights(gan.generator), weights(reference.generator))
    fresh = make(3, norm="none")
    updates.update_discriminator(fresh, real, fresh.pair.generate(latents, labels), labels)
    assert equal(weights(gan.discriminator), weights(fresh.discriminator))


def test_logs_are_means_over_all_inner_steps():
    """Keras keeps only the last inner step's logs; ours must equal the mean of single steps."""
    together = make(3, eager=False, spe=6)
    single = make(3, eager=False, spe=1)
    seen = []

    class Collect(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(logs["d_loss"])

    a = together.fit(batches().stream(8), epochs=1, verbose=0).history
    b = single.fit(batches().stream(8), epochs=1, verbose=0, callbacks=[Collect()]).history
    assert len(seen) == 6
    assert a["d_loss"][0] == pytest.approx(b["d_loss"][0], rel=1e-5)
    # running means m_k give the single values k m_k - (k-1) m_{k-1}, whose mean is the last m_k
    values = [(k + 1) * m - k * p for k, (m, p) in enumerate(zip(seen, [0, *seen], strict=False))]
    assert a["d_loss"][0] == pytest.approx(np.mean(values), rel=1e-4)


def test_generator_loss_is_averaged_over_generator_updates_only():
    gan = make(3, n_critic=3)
    for _ in range(2):
        logs = gan.train_step(batch())
        assert float(logs["g_loss"]) == 0.0
    logs = gan.train_step(batch())
    assert 0.2 < float(logs["g_loss"]) < 3.0


def test_loss_at_the_start_is_log_4_for_zero_scores():
    gan = make(3, norm="none")
    gan.discriminator.layers[-1].kernel.assign(tf.zeros_like(gan.discriminator.layers[-1].kernel))
    logs = gan.test_step(batch())
    assert float(logs["d_loss"]) == pytest.approx(np.log(4), abs=1e-6)
    assert float(logs["d_real"]) == pytest.approx(0.5, abs=1e-6)


def test_labels_change_output_and_rows_depend_on_their_seed_alone():
    gan = make(3)
    many = gan.generate(6, labels=[0, 1], seed=10)
    alone = gan.generate(1, labels=1, seed=13)
    np.testing.assert_allclose(many[3], alone[0], atol=1e-6)
    other = gan.generate(1, labels=2, seed=13)
    assert np.abs(other - alone).max() > 1e-4
    assert many.shape == (6, *SHAPE) and many.min() >= 0 and many.max() <= 1


def test_call_maps_latents_to_unit_range():
    gan = make(None)
    latents = tf.random.stateless_normal((4, 5), (1, 1))
    np.testing.assert_array_equal(gan(latents), gan.generator(latents, training=False))


def test_save_and_load_continue_as_if_never_stopped(tmp_path):
    objective = NonSaturating(flip_probability=0.2)  # uses the random generator every step
    straight = make(3, eager=False, n_critic=2, objective=objective, ema=0.9)
    straight.fit(batches().stream(8, seed=5), epochs=2, verbose=0)
    first = make(3, eager=False, n_critic=2, objective=objective, ema=0.9)
    first.fit(batches().stream(8, seed=5), epochs=1, verbose=0)
    first.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(loaded.generate(5, seed=1), first.generate(5, seed=1))
    loaded.fit(batches().stream(8, seed=5), epochs=1, verbose=0)
    for a, b in (
        (straight.generator, loaded.generator),
        (straight.discriminator, loaded.discriminator),
        (straight.ema_generator, loaded.ema_generator),
        (straight.d_optimizer, loaded.d_optimizer),
        (straight.g_optimizer, loaded.g_optimizer),
        (straight, loaded),
    ):
        pairs = list(zip(a.variables, b.variables, strict=True))
        assert pairs and all(np.array_equal(u.numpy(), v.numpy()) for u, v in pairs)


def test_dropout_random_state_is_saved(tmp_path):
    """Keras leaves layers' generators out of a .keras file: other units would be dropped."""
    pair = mlp(SHAPE, seed=0, latent_dim=5)
    inputs = keras.Input(SHAPE)
    x = keras.layers.Dropout(0.5, seed=3)(keras.layers.Flatten()(inputs))
    pair = type(pair)(
        pair.generator, keras.Model(inputs, keras.layers.Dense(1)(x)), image_shape=SHAPE,
        latent_dim=5,
    )  # fmt: skip
    gan = GAN(pair, NonSaturating())
    gan.compile(run_eagerly=True)
    gan.train_step(batch(labels=False))
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    a, b = gan.train_step(batch(labels=False)), loaded.train_step(batch(labels=False))
    assert float(a["d_loss"]) == float(b["d_loss"])


@pytest.mark.parametrize(("done", "decay"), [(0, 0.1), (8, 0.5), (500, 0.9)])
def test_ema_formula(done, decay):
    gan = make(None, ema=0.9)
    gan.g_updates.assign(done)
    start = weights(gan.generator)
    gan.train_step(batch(labels=False))
    for old, new, average in zip(
        start, weights(gan.generator), weights(gan.ema_generator), strict=True
    ):
        np.testing.assert_allclose(average, decay * old + (1 - decay) * new, rtol=1e-5, atol=1e-6)
    assert gan.sampling_generator is gan.ema_generator


def test_nan_stops_training_and_names_loss_and_step():
    gan = make(None, eager=False, spe=4)

    class Poison(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                layer = self.model.discriminator.layers[-1]
                layer.kernel.assign(layer.kernel * np.nan)

    with pytest.raises(NonFiniteLossError, match=r"d_loss .* at step 7"):
        gan.fit(batches().stream(8), epochs=3, verbose=0, callbacks=[Poison()])


def test_wrong_shape_and_missing_labels_are_refused():
    with pytest.raises(ValueError, match="built for"):
        make(None).train_step(tf.zeros((4, 5, 5, 1), tf.uint8))
    with pytest.raises(ValueError, match="conditional"):
        make(3).train_step(batch(labels=False))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make(None).generate(2, labels=1), "without labels"),
        (lambda: make(3).generate(2, labels=3), "expected 0 to 2"),
        (lambda: make(3).generate(2, labels=[0.5]), "expected one class id"),
        (lambda: make(None, n_critic=2, simultaneous=True), "simultaneous"),
        (lambda: make(None, fresh_latents=True, simultaneous=True), "no fresh_latents"),
        (lambda: ConditionalGAN(mlp(SHAPE), NonSaturating()), "num_classes"),
    ],
)
def test_documented_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_one_optimizer_for_both_is_refused():
    gan = make(None)
    adam = keras.optimizers.Adam()
    with pytest.raises(ValueError, match="one object"):
        gan.compile(adam, adam)


def test_same_seed_same_weights_with_the_default_speed_settings():
    def trained():
        gan = make(3, eager=False, jit=True, seed=1)
        gan.fit(batches().stream(8, seed=1), epochs=2, verbose=0)
        return weights(gan)

    assert equal(trained(), trained())


def test_another_seed_gives_other_weights():
    assert not equal(weights(make(3, seed=1).generator), weights(make(3, seed=2).generator))


def test_truncation_shrinks_towards_the_middle_of_the_latents_and_drops_no_more_units():
    pair = two_branch(SHAPE, 10)
    whole, cut = (ConditionalGAN(pair, NonSaturating(), truncation=t) for t in (1.0, 0.25))
    seeds = tf.range(50, dtype=tf.int64)
    latents, shrunk = whole.latents(seeds).numpy(), cut.latents(seeds).numpy()
    drawn = latents_from_seeds(seeds, pair.latent_dim, "uniform_01")
    np.testing.assert_array_equal(latents, drawn)  # to the bit where nothing is cut
    np.testing.assert_allclose(shrunk, 0.5 + 0.25 * (latents - 0.5), rtol=1e-6)
    np.testing.assert_array_equal(shrunk < 0.5, latents < 0.5)  # the units that are dropped


def test_truncation_shrinks_the_latents_of_samples_only():
    pair = mlp(SHAPE, latent_dim=100)
    whole, cut = (GAN(pair, NonSaturating(), truncation=share) for share in (1.0, 0.5))
    latents = latents_from_seeds(tf.range(3, dtype=tf.int64), 100, "uniform")
    np.testing.assert_array_equal(whole.generate(3, seed=0), np.array(whole(latents)))
    np.testing.assert_array_equal(cut.generate(3, seed=0), np.array(whole(0.5 * latents)))
    np.testing.assert_array_equal(np.array(cut(latents)), np.array(whole(latents)))
    assert GAN.from_config(cut.get_config()).truncation == 0.5
    for share in (0.0, 1.5):
        with pytest.raises(ValueError, match="truncation"):
            GAN(pair, NonSaturating(), truncation=share)


def test_mismatched_negatives_are_half_of_what_the_discriminator_refuses():
    gan = make(3, norm="none", mismatched=True)
    images, labels = batch()
    real, rows = gan.unpack((images, labels))
    fake = tf.random.stateless_uniform(real.shape, (1, 2))
    logs, scores = gan.discriminator_logs(real, fake, rows, training=False)
    others = np.roll(np.asarray(labels), 1)
    assert np.any(others != labels)
    right, wrong = (gan.pair.score(real, tf.constant(one)) for one in (labels, others))
    made = gan.pair.score(fake, rows)
    refused = 0.5 * (np.mean(np.logaddexp(0, made)) + np.mean(np.logaddexp(0, wrong)))
    wanted = np.mean(np.logaddexp(0, -right)) + refused
    assert float(logs["d_loss"]) == pytest.approx(wanted, rel=1e-5)
    np.testing.assert_allclose(scores, made)  # G's loss sees its own alone


@pytest.mark.parametrize(
    "options, message",
    [
        ({"num_classes": None, "mismatched": True}, "told no condition"),
        ({"num_classes": 3, "mismatched": 1}, "expected True or False"),
        ({"num_classes": 3, "mismatched": True, "objective": LossSensitive()}, "another objective"),
    ],
)
def test_mismatches_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)
