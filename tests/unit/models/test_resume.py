"""Saved at any step and loaded again, a model goes on as if it had never stopped, to the bit."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from toy_gan import batch, equal, make

from tfgan_survey.models.optimizers import adam, rmsprop, sgd
from tfgan_survey.objectives.minimax import NonSaturating
from tfgan_survey.zoo import build


def everything(gan):
    """Return every number that the next step may depend on, and those that are logged."""
    parts = [gan, gan.generator, gan.discriminator, gan.d_optimizer, gan.g_optimizer]
    parts += [gan.ema_generator] if gan.ema_generator is not None else []
    layers = [layer for layer in gan._flatten_layers() if layer._seed_generators]
    assert layers, "the model's own generator at least"
    numbers = [variable.numpy().copy() for part in parts for variable in part.variables]
    return numbers + [s.state.numpy() for layer in layers for s in layer._seed_generators]


def check(make_gan, start, before, after, tmp_path):
    """Compare a straight run of before + after steps with one saved and loaded in between."""
    straight = make_gan()
    start(straight)
    data = batch(8)
    for _ in range(before):
        straight.train_step(data)
    straight.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert equal(everything(straight), everything(loaded))
    for step in range(after):
        logs = [model.train_step(data) for model in (straight, loaded)]
        assert {k: float(v) for k, v in logs[0].items()} == {
            k: float(v) for k, v in logs[1].items()
        }, f"step {step} after the stop"
    assert equal(everything(straight), everything(loaded))
    return loaded


def small(**options):
    return lambda: make(3, widths=(3,), **options)


@pytest.mark.parametrize("before", [1, 2, 3, 4])
def test_inside_a_cycle_of_critic_steps(before, tmp_path):
    loaded = check(small(n_critic=3, ema=0.9), lambda gan: None, before, 4, tmp_path)
    assert int(loaded.g_updates.numpy()) == (before + 4) // 3
    assert int(loaded.critic_steps.numpy()) == (before + 4) % 3


@pytest.mark.parametrize(
    ("updates", "critic_steps", "before", "moved"),
    [
        (0, 97, 1, 1),  # shortly before the end of the first long cycle
        (0, 97, 3, 1),  # at its end
        (24, 98, 1, 2),  # the last of the first long cycles, then short ones
        (24, 98, 2, 3),
        (499, 1, 1, 1),  # a short cycle, then the long one of update 500
        (500, 98, 1, 2),
    ],
)
def test_at_the_borders_of_the_published_warm_up(updates, critic_steps, before, moved, tmp_path):
    def start(gan):
        gan.g_updates.assign(updates)
        gan.critic_steps.assign(critic_steps)

    loaded = check(small(n_critic=2, critic_warm_up=True), start, before, 4, tmp_path)
    assert int(loaded.g_updates.numpy()) - updates == moved


@pytest.mark.parametrize(
    "optimizers",
    [
        (lambda: adam(1e-2, decay=1.2, learning_rate_floor=6e-3), lambda: adam(1e-2)),
        (lambda: sgd(0.1, decay=1.3, momentum=0.2, final_momentum=0.8, momentum_updates=4),
         lambda: rmsprop(1e-2)),
    ],
    ids=["falling_rate", "momentum_ramp"],
)  # fmt: skip
@pytest.mark.parametrize("before", [1, 2, 5])
def test_inside_a_schedule(optimizers, before, tmp_path):
    def make_gan():
        gan = make(3, widths=(3,), objective=NonSaturating(flip_probability=0.3))
        gan.compile(*(make() for make in optimizers), run_eagerly=True)
        return gan

    check(make_gan, lambda gan: None, before, 3, tmp_path)


@pytest.mark.parametrize("options", [{"simultaneous": True}, {"fresh_latents": True}])
def test_in_every_order_of_updates(options, tmp_path):
    check(small(ema=0.5, **options), lambda gan: None, 2, 2, tmp_path)


def test_with_dropout_s_random_generators(tmp_path):
    def make_gan():
        return build("gan_2014", (6, 6, 1), num_classes=3, generator_widths=(4,), maxout_units=(3,),
                     latent_dim=3)  # fmt: skip

    loaded = check(make_gan, lambda gan: None, 2, 2, tmp_path)
    states = [s for layer in loaded._flatten_layers() for s in layer._seed_generators]
    assert len(states) > 1


def test_a_file_with_other_variables_is_refused():
    gan = make(3, widths=(3,))
    stored = {}
    gan.save_own_variables(stored)
    wanted = {"d_updates", "g_updates", "critic_steps", "epochs_seen", "totals", "counts"}
    assert {name for name in stored if not name.startswith("random_")} == wanted
    for change in (lambda kept: kept.pop("critic_steps"), lambda kept: kept.update(more=0)):
        altered = {name: np.asarray(value) for name, value in stored.items()}
        change(altered)
        with pytest.raises(ValueError, match="another composition or version"):
            gan.load_own_variables(altered)


def test_epochs_are_counted_across_runs(tmp_path):
    gan = make(3, widths=(3,))
    data = tf.data.Dataset.from_tensor_slices(batch(8)).batch(4)
    gan.fit(data, epochs=2, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert int(loaded.epochs_seen.numpy()) == 2
    loaded.fit(data, epochs=1, verbose=0)
    assert int(loaded.epochs_seen.numpy()) == 3
