"""Who moves when: the ways of one training step of two players.

Each takes the model, which has the losses (`discriminator_logs`, `generator_loss`) and moves its
networks (`apply_discriminator`, `apply_generator`), with the step's `real` images `(batch, ...)` in
the networks' range, `labels` int32 `(batch,)` or None, and `latents` float32 `(batch, latent_dim)`.
It returns the discriminator's logs, the generator's loss and whether the generator moved, 1.0 or
0.0.
"""

from __future__ import annotations

import contextlib

import keras
import tensorflow as tf


def shared_pass(model, real, labels, latents):
    """Move the discriminator, then the generator, on one generator pass.

    Args:
        model: the two players.
        real: see above.
        labels: see above.
        latents: see above.
    """
    with tape(model.generator) as recorded:
        fake = model.pair.generate(latents, labels, training=True)
        with recorded.stop_recording():
            d_logs = update_discriminator(model, real, fake, labels)
        g_loss = model.generator_loss(fake, labels, real)
        scaled = model.scaled("g_optimizer", g_loss)
    model.apply_generator(recorded.gradient(scaled, model.generator.trainable_variables))
    return d_logs, g_loss, tf.ones(())


def simultaneous(model, real, labels, latents):
    """Move both networks by gradients taken at the same weights, from the same pass.

    Args:
        model: the two players.
        real: see above.
        labels: see above.
        latents: see above.
    """
    with tape(model.generator) as g_tape, tape(model.discriminator) as d_tape:
        fake = model.pair.generate(latents, labels, training=True)
        d_logs, fake_scores = model.discriminator_logs(real, fake, labels, training=True)
        g_loss = model.generator_loss(fake, labels, real, fake_scores)
        g_scaled = model.scaled("g_optimizer", g_loss)
        d_scaled = model.scaled("d_optimizer", d_logs["d_loss"] + d_logs["penalty"])
    d_gradients = d_tape.gradient(d_scaled, model.discriminator.trainable_variables)
    g_gradients = g_tape.gradient(g_scaled, model.generator.trainable_variables)
    model.apply_discriminator(d_gradients)
    model.apply_generator(g_gradients)
    return d_logs, g_loss, tf.ones(())


def alternating(model, real, labels, latents):
    """Move the discriminator, and the generator where it is due, each on a pass of its own.

    Args:
        model: the two players; `generator_due()` advances its cycle.
        real: see above.
        labels: see above.
        latents: see above.
    """
    with statistics_kept(model.generator):
        fake = model.pair.generate(latents, labels, training=True)
    d_logs = update_discriminator(model, real, fake, labels)
    g_moved = model.generator_due()
    if model.fresh_latents:
        latents = model.random_latents(real)
    g_loss = tf.cond(
        g_moved > 0,
        lambda: update_generator(model, latents, labels, real),
        lambda: tf.zeros((), d_logs["d_loss"].dtype),
    )
    return d_logs, g_loss, g_moved


def update_discriminator(model, real, fake, labels, fake_labels=None) -> dict[str, tf.Tensor]:
    """Move the discriminator alone.

    Args:
        model: what holds the discriminator, a `Discriminates`.
        real: images in the networks' range; of several domains, one batch each.
        fake: generated images of the same shape.
        labels: int32 `(batch,)`, or None.
        fake_labels: those of the fakes, where they are others.

    Returns:
        Its logs.
    """
    with tape(model.discriminator) as recorded:
        fake = tf.nest.map_structure(tf.stop_gradient, fake)
        d_logs, _ = model.discriminator_logs(
            real, fake, labels, training=True, fake_labels=fake_labels
        )
        scaled = model.scaled("d_optimizer", d_logs["d_loss"] + d_logs["penalty"])
    gradients = recorded.gradient(scaled, model.discriminator.trainable_variables)
    model.apply_discriminator(gradients)
    return d_logs


def update_generator(model, latents, labels, real=None) -> tf.Tensor:
    """Move the generator alone.

    Args:
        model: the two players.
        latents: float32 `(batch, latent_dim)`.
        labels: int32 `(batch,)`, or None.
        real: see above; only losses that compare with it need it.

    Returns:
        Its loss.
    """
    with tape(model.generator) as recorded:
        fake = model.pair.generate(latents, labels, training=True)
        g_loss = model.generator_loss(fake, labels, real)
        scaled = model.scaled("g_optimizer", g_loss)
    model.apply_generator(recorded.gradient(scaled, model.generator.trainable_variables))
    return g_loss


class Together:
    """Several networks that one optimizer moves, as one player.

    Args:
        *networks: in the order of their variables.
    """

    def __init__(self, *networks: keras.Model):
        self.networks = networks

    @property
    def trainable_variables(self) -> list[keras.Variable]:
        """Variables of all."""
        return [one for network in self.networks for one in network.trainable_variables]

    @property
    def non_trainable_weights(self) -> list[keras.Variable]:
        """Statistics of all."""
        return [one for network in self.networks for one in network.non_trainable_weights]


@contextlib.contextmanager
def tape(network: keras.Model | Together):
    """Record gradients of one network's weights only.

    Args:
        network: whose trainable variables are watched.
    """
    with tf.GradientTape(watch_accessed_variables=False) as recorded:
        recorded.watch([variable.value for variable in network.trainable_variables])
        yield recorded


@contextlib.contextmanager
def statistics_kept(network: keras.Model | Together):
    """Run a training-mode pass whose moving statistics are put back afterwards.

    One player's update then leaves the other bitwise unchanged, statistics included.

    Args:
        network: whose statistics are kept.
    """
    kept = [(variable, tf.identity(variable.value)) for variable in network.non_trainable_weights]
    yield
    for variable, value in kept:
        variable.assign(value)
