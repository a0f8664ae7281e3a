"""Small real trainings behind docs/theory.md: the package's own GAN, networks and losses, watched.

The closed forms that they are held against are in `tfgan_survey.theory`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_survey.data import GaussianMixture
from tfgan_survey.models import GAN
from tfgan_survey.networks import NetworkPair, Spec, mlp, mlp_discriminator
from tfgan_survey.networks.initializers import Initializers
from tfgan_survey.objectives.base import Objective
from tfgan_survey.objectives.f_divergence import FDivergence
from tfgan_survey.objectives.minimax import NonSaturating
from tfgan_survey.theory.gaussian_fit import GaussianFit


def linear_pair(
    scale: Sequence[Sequence[float]],
    shift: Sequence[float],
    *,
    latent: str = "normal",
    output_range: tuple[float, float] = (-10.0, 10.0),
    discriminator_widths: tuple[int, ...] = (64, 64),
    activation: str = "tanh",
    seed: int = 0,
) -> NetworkPair:
    """Build a pair whose generator is x = z A + b: its distribution is known in closed form.

    Args:
        scale: A at the start, shape `(latent_dim, dimensions)`.
        shift: b at the start, shape `(dimensions,)`.
        latent: distribution of z.
        output_range: the points' range; data outside it are refused.
        discriminator_widths: hidden units of the discriminator, without normalisation.
        activation: of the discriminator's hidden layers.
        seed: seed of the discriminator's weights.

    Returns:
        The pair. The generator's weights are trained unless its optimizer has rate 0.
    """
    scale, shift = np.atleast_2d(scale), np.atleast_1d(shift)
    latents = keras.Input((scale.shape[0],), name="latent")
    layer = keras.layers.Dense(scale.shape[1])
    generator = keras.Model(latents, layer(latents), name="generator")
    layer.set_weights([scale, shift])
    spec = Spec(shift.shape, None, scale.shape[0], latent, output_range)
    initializers = Initializers("glorot_normal", seed)
    discriminator = mlp_discriminator(
        spec, initializers, discriminator_widths, norm="none", activation=activation
    )
    return NetworkPair(generator, discriminator, **vars(spec))


def points_gan(
    dimensions: int,
    *,
    objective: Objective | None = None,
    latent_dim: int = 2,
    widths: tuple[int, ...] = (64, 64),
    output_range: tuple[float, float] = (0.0, 1.0),
    learning_rate: float = 1e-3,
    jit_compile: bool = True,
    seed: int = 0,
    **loop: Any,
) -> GAN:
    """Build a small compiled GAN for points in a cube: the mlp pair without batch norm.

    Args:
        dimensions: of a point.
        objective: `NonSaturating()` by default.
        latent_dim: width of the uniform(-1, 1) latent.
        widths: hidden units of both networks.
        output_range: least and largest coordinate. A discriminator resolves detail of about unit
            size at once; in the unit interval it has to learn steep weights first.
        learning_rate: of both Adams, beta_1 1/2.
        jit_compile: XLA; not worth its start-up for less than a thousand steps.
        seed: the one seed.
        **loop: keyword arguments of `GAN`.
    """
    pair = mlp(
        (dimensions,),
        seed=seed,
        latent_dim=latent_dim,
        generator_widths=widths,
        discriminator_widths=widths,
        norm="none",
        activation="leaky_relu",
    )
    pair = _with_range(pair, output_range)
    gan = GAN(pair, objective or NonSaturating(), seed=seed, **loop)
    optimizers = (keras.optimizers.Adam(learning_rate, 0.5) for _ in range(2))
    gan.compile(*optimizers, jit_compile=jit_compile)
    return gan


def _with_range(pair: NetworkPair, output_range: tuple[float, float]) -> NetworkPair:
    """Stretch the generator's unit interval to `output_range`."""
    low, high = output_range
    stretched = keras.layers.Rescaling(high - low, low)(pair.generator.output)
    generator = keras.Model(pair.generator.inputs[0], stretched, name="generator")
    return NetworkPair(**{**vars(pair), "generator": generator, "output_range": output_range})


def hold_still(optimizer: keras.optimizers.Optimizer) -> None:
    """Set an optimizer's rate to 0: from the next step on, its network stays bitwise as it is."""
    optimizer.learning_rate = 0.0


def train_recorded(
    gan: GAN,
    points: np.ndarray,
    steps: int,
    probe: Callable[[GAN], Any],
    every: int = 50,
    batch_size: int = 256,
) -> list[Any]:
    """Train with `fit` and look at the model from time to time.

    Args:
        gan: a compiled GAN; compiled anew, its optimizers and `jit_compile` kept.
        points: `(n, dimensions)` in the pair's range, or uint8 images, at least one batch; each
            pass over them is in another order.
        steps: training steps, a multiple of `every`.
        probe: called before the first step and after every `every` steps.
        every: steps between two looks, run in one execution.
        batch_size: real points a step.

    Returns:
        What `probe` returned, `steps / every + 1` values.

    Raises:
        ValueError: `steps` is not a multiple of `every`.
    """
    if steps % every:
        raise ValueError(f"steps={steps}: expected a multiple of every={every}.")
    gan.compile(
        gan.d_optimizer, gan.g_optimizer, jit_compile=gan.jit_compile, steps_per_execution=every
    )
    points = np.asarray(points)
    points = points if points.dtype == np.uint8 else points.astype(np.float32)
    data = (
        tf.data.Dataset.from_tensor_slices(points)
        .shuffle(len(points), seed=gan.seed)
        .repeat()
        .batch(batch_size, drop_remainder=True)
    )
    seen = [probe(gan)]
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(probe(gan))
    )
    gan.fit(data, steps_per_epoch=steps, epochs=1, verbose=0, callbacks=[watch])
    return seen


def train_gaussian(
    name: str,
    mixture: GaussianMixture,
    *,
    steps: int = 2000,
    batch_size: int = 1024,
    learning_rate: float = 5e-3,
    seed: int = 0,
) -> GaussianFit:
    """Fit the Gaussian by the package's GAN: x = mean + deviation z against a tanh network.

    Why:
        the saddle form, whose two players share one value, and simultaneous updates, as in
        the paper. The learning rate falls to 0 along a cosine: at a constant one the Gaussian
        goes on circling its optimum.

    Args:
        name: one of `objectives.divergences.DIVERGENCES`.
        mixture: one-dimensional, inside [-10, 13].
        steps: of both players.
        batch_size: points a step, real and generated; the paper's 1,024.
        learning_rate: of both Adams at the start.
        seed: the one seed.

    Returns:
        Mean and deviation at the end, and the lower bound of the divergence that the discriminator
        reached, mean over the last tenth of the steps.

    Source:
        Nowozin et al. 2016, arXiv:1606.00709, univariate mixture example: two hidden layers of 64
        tanh units, batch 1,024. Departure: Adam with a falling rate in place of plain gradient
        steps of 0.01.
    """
    gan = GAN(
        linear_pair([[1.0]], [0.0], output_range=(-10.0, 13.0), seed=seed),
        FDivergence(name, "saddle"),
        simultaneous=True,
        seed=seed,
    )
    gan.compile(*(_adam(learning_rate, steps) for _ in range(2)), jit_compile=steps > 1000)
    points = np.clip(mixture.sample(64 * batch_size, seed=seed), -10.0, 13.0)

    def look(model: GAN):
        scale, shift = model.generator.get_weights()
        total, count = model.loss_means.totals.numpy()[0], model.loss_means.counts.numpy()[0]
        return float(shift[0]), abs(float(scale[0, 0])), float(total), float(count)

    seen = train_recorded(gan, points, steps, look, every=steps // 20, batch_size=batch_size)
    mean, deviation, total, count = seen[-1]
    before = seen[-3]
    return GaussianFit(mean, deviation, -(total - before[2]) / (count - before[3]))


def _adam(learning_rate: float, steps: int) -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps), 0.5)
