"""Latents: their distributions, and latents that depend on one seed a row."""

from __future__ import annotations

import math
from statistics import NormalDist

import keras
import tensorflow as tf

from tfgan_survey.errors import unknown_name
from tfgan_survey.layers.replicas import own_rows, replica_count

# Name -> (low, high) of a uniform distribution; None is the standard normal.
_BOUNDS: dict[str, tuple[float, float] | None] = {
    "uniform": (-1.0, 1.0),  # survey snippet, DCGAN and f-GAN
    "normal": None,  # WGAN-GP; the survey's trick 3
    "uniform_unit_variance": (-math.sqrt(3.0), math.sqrt(3.0)),  # Goodfellow et al. 2014, code
    "uniform_01": (0.0, 1.0),  # Mirza & Osindero 2014: the unit hypercube
}
LATENTS = tuple(_BOUNDS)
# Named, because the default lets XLA choose, and on a CPU its choice takes 14 times as long
# (3.4 ms for 128 x 100 numbers, as long as the rest of a small model's step).
_ALGORITHM = "philox"


def check_latent(distribution: str) -> str:
    """Return the name of a latent distribution, or say which ones there are.

    Args:
        distribution: the name to check.

    Raises:
        UnknownNameError: no such distribution.
    """
    if distribution not in _BOUNDS:
        raise unknown_name("latent distribution", distribution, LATENTS)
    return distribution


def latent_quantile(distribution: str, share: float) -> float:
    """Return the number that a value of the latent is below with probability `share`.

    Args:
        distribution: one of `LATENTS`.
        share: strictly between 0 and 1.
    """
    bounds = _BOUNDS[check_latent(distribution)]
    if bounds is None:
        return NormalDist().inv_cdf(share)
    return bounds[0] + share * (bounds[1] - bounds[0])


def random_latents(
    batch: int | tf.Tensor, latent_dim: int, distribution: str, seed: keras.random.SeedGenerator
) -> tf.Tensor:
    """Draw a batch of latents for training.

    Formula:
        "normal": z ~ N(0, I); "uniform": z ~ U(-1, 1)^latent_dim;
        "uniform_unit_variance": U(-sqrt 3, sqrt 3); "uniform_01": U(0, 1).

    Args:
        batch: number of rows.
        latent_dim: number of columns.
        distribution: one of `LATENTS`.
        seed: the model's generator; its state advances by one draw.

    Returns:
        float32 tensor `(batch, latent_dim)`.
    """
    bounds = _BOUNDS[check_latent(distribution)]
    shape = (batch, latent_dim)
    if bounds is None:
        return random_normal(shape, seed)
    return _drawn(tf.random.stateless_uniform, shape, seed, *bounds)


def random_uniform(shape, seed: keras.random.SeedGenerator) -> tf.Tensor:
    """Draw U(0, 1) for training: float32 of `shape`; the generator advances by one draw.

    Args:
        shape: of the result, whole numbers or an int32 tensor; the first axis is the batch's. Of
            several replicas each gets its rows of what one would draw for the whole batch.
        seed: its state is saved with the model.
    """
    return _drawn(tf.random.stateless_uniform, shape, seed)


def random_normal(shape, seed: keras.random.SeedGenerator) -> tf.Tensor:
    """Draw N(0, 1) for training: float32 of `shape`; the generator advances by one draw.

    Args:
        shape: as in `random_uniform`.
        seed: its state is saved with the model.
    """
    return _drawn(tf.random.stateless_normal, shape, seed)


def _drawn(draw, shape, seed: keras.random.SeedGenerator, *bounds: float) -> tf.Tensor:
    key = tf.convert_to_tensor(seed.next())
    if (replicas := replica_count()) == 1:
        return draw(shape, key, *bounds, alg=_ALGORITHM)
    if isinstance(shape, tf.Tensor):
        count, rest = shape[0], shape[1:]
        whole = tf.concat([[count * replicas], rest], axis=0)
    else:
        count, *rest = shape
        whole = (count * replicas, *rest)
    return own_rows(draw(whole, key, *bounds, alg=_ALGORITHM), count)


def latents_from_seeds(seeds: tf.Tensor, latent_dim: int, distribution: str) -> tf.Tensor:
    """Return one latent a row, each a function of its own seed alone.

    A row's latent does not depend on its place in the batch or on the other rows, so a server may
    join and split requests as it likes and a repeated request repeats exactly.

    Args:
        seeds: int64 tensor `(batch,)`, any values.
        latent_dim: number of columns.
        distribution: one of `LATENTS`.

    Returns:
        float32 tensor `(batch, latent_dim)`.

    Source:
        counter-based random numbers, Salmon et al. 2011 (TensorFlow's stateless operations).
    """
    bounds = _BOUNDS[check_latent(distribution)]

    def row(seed: tf.Tensor) -> tf.Tensor:
        key = tf.stack([seed, tf.zeros_like(seed)])
        if bounds is None:
            return tf.random.stateless_normal((latent_dim,), key, alg=_ALGORITHM)
        return tf.random.stateless_uniform((latent_dim,), key, *bounds, alg=_ALGORITHM)

    latents = tf.map_fn(row, tf.cast(seeds, tf.int64), fn_output_signature=tf.float32)
    return tf.ensure_shape(latents, (None, latent_dim))
