"""A discriminator alone: its negatives and its samples are made by gradient ascent on itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import keras
import tensorflow as tf

from tfgan_survey.errors import SettingError
from tfgan_survey.layers.sampling import latents_from_seeds, random_latents, random_uniform
from tfgan_survey.models import updates
from tfgan_survey.models.averaging import average_of, follow
from tfgan_survey.models.discriminating import Discriminates
from tfgan_survey.models.inputs import ImageInputs
from tfgan_survey.models.optimizers import OPTIMIZERS
from tfgan_survey.models.sampling import SeedSampling
from tfgan_survey.models.trainable import TrainableModel
from tfgan_survey.networks import SCORERS
from tfgan_survey.networks.scorer import Scorer
from tfgan_survey.objectives import OBJECTIVES
from tfgan_survey.objectives.base import Objective
from tfgan_survey.registry import Axis, Count, Inside, NotNegative, Positive, Probability, checked
from tfgan_survey.regularizers import REGULARIZERS
from tfgan_survey.regularizers.base import NoRegularizer, Regularizer


@keras.saving.register_keras_serializable("tfgan_survey")
class DiscriminatorOnly(ImageInputs, Discriminates, SeedSampling, TrainableModel):
    """Generation by the discriminator alone: high scores for data, low ones for its own optima.

    Formula:
        x <- clip(x + step_size grad_x D(x) + noise e),  e ~ N(0, I);
        every step: `ascent_steps` of these move a batch of kept chains, of which a share `restart`
        begins anew from uniform noise; theta_D -= Adam(grad d_loss(D(real), D(chains)) + penalty);
        a sample: `sample_steps` of them from the uniform noise of its seed

    Why:
        The lecture's algorithm: negatives drawn at random teach D nothing, and D then gives high
        scores to nonsense; what D itself takes for the best images are the negatives that it has
        to learn from. Nothing but D is trained, so a sample costs a gradient of D a step, where a
        generator makes it in one pass.

        Chains that are kept and moved on are as near to the optima as many more steps would bring
        them; those that restart keep D right along the way from noise, which is the way that
        samples take.

        What it gives on MNIST: strokes of the right width, and about half of the samples digits;
        the zoo's recipe after 3,750 of its steps has a classifier score of 4.9 (one seed, 2,000
        samples; untrained 1.0, real images 9.8) and a Frechet distance of 12.

    Args:
        scorer: the discriminator.
        objective: its `discriminator_loss` is minimised; its generator's loss has no use here.
        regularizer: what holds the discriminator back; None for nothing. Ascent needs a slope of
            the size that its steps are made for, so a gradient penalty is as good as necessary.
        ascent_steps: of each chain in one training step.
        step_size: eta, of images in [-1, 1].
        noise: standard deviation of what is added in every step of an ascent; 0 for plain ascent,
            otherwise Langevin dynamics.
        chains: how many are kept; each step moves the next batch of them.
        restart: share of chains that begin anew from noise when their turn comes.
        sample_steps: of the ascent of a sample.
        ema: decay of an exponential moving average of the weights, which samples and the signature
            `score` then come from; None for no average.
        seed: the model's one seed: starts, restarts, noise, penalties.
        name: of the model.
        **kwargs: as in `keras.Model`.

    Raises:
        ValueError: the parts do not fit, or an argument is outside its range; in training, a batch
            of more examples than there are chains.

    Example:
        >>> model = build("discriminator_only")
        >>> model.fit(load("mnist", batch_size=32), epochs=3)
        >>> images = model.generate(16, seed=0)

    Source:
        the lecture behind the survey ("training D without a generator"); kept chains with restarts
        from Du & Mordatch 2019, arXiv:1903.08689, section 3, whose loss is that of objective
        `wasserstein`; a classifier's loss from Jin et al. 2017, arXiv:1704.07820. Departure: no
        squared scores are added, the gradient penalty bounds the scores.
    """

    family = "discriminator_only"
    axes: ClassVar[Mapping[str, Axis]] = {
        "network": Axis(SCORERS, "scorer", "network"),
        "objective": Axis(OBJECTIVES, "objective"),
        "regularizer": Axis(REGULARIZERS, "regularizer", default="none"),
        "d_optimizer": Axis(OPTIMIZERS, "d_optimizer", "optimizer"),
    }
    optimizer_names = ("d_optimizer",)
    log_names = ("d_loss", "penalty", "d_real", "d_fake")
    guarded_names = ("d_loss", "penalty")
    # `chain_moves` is the place in the ring of kept chains.
    counters = ("steps", "chain_moves")
    abilities = frozenset({"sample", "score"})
    # A start nearer to grey is none that the chains in training had.
    truncation = 1.0

    @checked
    def __init__(
        self,
        scorer: Scorer,
        objective: Objective,
        regularizer: Regularizer | None = None,
        *,
        ascent_steps: Count = 10,
        step_size: Positive = 2.0,
        noise: NotNegative = 0.0,
        chains: Count = 1024,
        restart: Probability = 0.1,
        sample_steps: Count = 60,
        ema: Inside | None = 0.99,
        seed: int = 0,
        name: str | None = None,
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.scorer = scorer
        self.objective = objective
        self.regularizer = regularizer or NoRegularizer()
        self.objective.validate(scorer)
        self.regularizer.validate(scorer)
        self.ascent_steps = ascent_steps
        self.step_size = step_size
        self.noise = noise
        self.chains = chains
        self.restart = restart
        self.sample_steps = sample_steps
        self.ema = ema
        self.seed = seed

        self.discriminator = scorer.discriminator
        self.ema_discriminator = None if ema is None else average_of(scorer.discriminator)
        self._begin(seed)
        self._chain_images = self._state((chains, *scorer.image_shape), "float32", "chain_images")
        self._chain_rows = None
        if scorer.conditional:
            condition = scorer.condition
            shape = (chains, *condition.row_shape)
            self._chain_rows = self._state(shape, condition.dtype, "chain_rows")

    @property
    def spec(self) -> Scorer:
        """Shapes, condition, range and start: what the discriminator is built for."""
        return self.scorer

    def moves(self) -> dict[str, list[keras.Variable]]:
        """Return the variables that the optimizer moves."""
        return {"d_optimizer": self.discriminator.trainable_variables}

    # ------------------------------------------------------------------ one step

    def update(self, data) -> dict[str, Any]:
        """Move the next chains uphill, then the discriminator against them.

        Args:
            data: images, or `(images, labels)`.

        Returns:
            `d_loss` (without the penalty), `penalty`, `d_real`, `d_fake` (mean probability of
            "real", or mean score where the objective has no probability).
        """
        real, labels = self.unpack(data)
        fake, fake_labels = self._negatives(real, labels)
        logs = updates.update_discriminator(self, real, fake, labels, fake_labels)
        if self.ema_discriminator is not None:
            follow(self.ema_discriminator, self.discriminator, self.ema, self.steps)
        return logs

    def losses(self, data) -> dict[str, Any]:
        """Return the losses on held-out data against samples of the discriminator as it is now.

        Args:
            data: images, or `(images, labels)`.
        """
        real, labels = self.unpack(data)
        latents = self.random_latents(real)
        fake = self._ascended(latents, labels, self.discriminator)
        return self.discriminator_logs(real, fake, labels, training=False)[0]

    def _negatives(self, real, labels):
        """Move the next chains of the ring, one an example; return them and their rows."""
        if real.shape[0] is not None and real.shape[0] > self.chains:
            raise SettingError(
                f"batches of {real.shape[0]} examples with chains={self.chains}: each step moves "
                "one chain an example; keep at least as many chains, or make batches smaller."
            )
        count = tf.shape(real)[0]
        turn = self.chain_moves.value + tf.range(tf.cast(count, "int64"))
        self.chain_moves.assign_add(tf.cast(count, "int64"))
        places = turn % self.chains
        images = tf.gather(self._chain_images.value, places)
        fresh = random_uniform((count,), self.seed_generator) < self.restart
        fresh |= turn < self.chains  # in the first round nothing is kept yet
        begun = self._starts(self.random_latents(real))
        images = tf.where(tf.reshape(fresh, [-1] + [1] * (len(images.shape) - 1)), begun, images)
        if labels is not None:
            rows = tf.gather(self._chain_rows.value, places)
            labels = tf.where(tf.reshape(fresh, [-1] + [1] * (len(rows.shape) - 1)), labels, rows)
            self._keep(self._chain_rows, places, labels)
        noise = None
        if self.noise:
            width = self.ascent_steps * self.spec.latent_dim
            noise = random_latents(count, width, "normal", self.seed_generator)
        images = self._uphill(images, labels, self.ascent_steps, noise, self.discriminator)
        self._keep(self._chain_images, places, images)
        return images, labels

    def _keep(self, ring, places, values) -> None:
        ring.assign(tf.tensor_scatter_nd_update(ring.value, places[:, None], values))

    # ------------------------------------------------------------------ ascent

    def _starts(self, latents) -> tf.Tensor:
        """Return latents, U(-1, 1), as images in the network's range."""
        return self.spec.from_unit(tf.reshape((latents + 1.0) / 2.0, (-1, *self.spec.image_shape)))

    def _ascended(self, latents, labels, network) -> tf.Tensor:
        """Return the samples that an ascent makes of latents, a function of each row alone."""
        noise = None
        if self.noise:
            # The start's own bits are the seed, so that a latent, too, has but one sample.
            seeds = tf.bitcast(latents[:, :2], tf.int64)
            width = self.sample_steps * self.spec.latent_dim
            noise = latents_from_seeds(seeds, width, "normal")
        return self._uphill(self._starts(latents), labels, self.sample_steps, noise, network)

    def _uphill(self, images, labels, steps: int, noise, network) -> tf.Tensor:
        """Take steps of ascent on the network's scores; the scores see constants, no weights."""
        low, high = self.spec.output_range
        shape = tf.shape(images)
        if noise is not None:
            noise = self.noise * tf.reshape(noise, (-1, steps, *self.spec.image_shape))

        def climb(step, images):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(images)
                total = tf.reduce_sum(self.spec.score(images, labels, network=network))
            moved = images + self.step_size * tape.gradient(total, images)
            if noise is not None:
                moved += noise[:, step]
            return step + 1, tf.reshape(tf.clip_by_value(moved, low, high), shape)

        def left(step, images):
            return step < steps

        _, images = tf.while_loop(left, climb, (0, images), maximum_iterations=steps)
        return images

    # ------------------------------------------------------------------ samples, saving, exports

    @property
    def sampling_discriminator(self) -> keras.Model:
        """The discriminator that samples climb: the weight average where there is one."""
        return self.discriminator if self.ema_discriminator is None else self.ema_discriminator

    def scorers(self) -> dict[str, tuple[Scorer, keras.Model]]:
        """Return the discriminator that samples climb."""
        return {"discriminator": (self.spec, self.sampling_discriminator)}

    def run_generator(self, latents, labels, training: bool = False) -> tf.Tensor:
        """Run the ascent that samples come from.

        Args:
            latents: float32 `(batch, latent_dim)`, in (-1, 1): the starts.
            labels: the condition's rows, or None.
            training: of no consequence, the network is in inference mode.
        """
        return self._ascended(latents, labels, self.sampling_discriminator)

    def _own_state(self) -> dict[str, keras.Variable]:
        rings = {"chain_images": self._chain_images, "chain_rows": self._chain_rows}
        return super()._own_state() | {k: v for k, v in rings.items() if v is not None}

    def exported_networks(self) -> list[keras.Model]:
        """Return the discriminator that samples climb."""
        return [self.sampling_discriminator]

    def export_facts(self) -> dict[str, Any]:
        """Return shapes, latent and condition."""
        return self.spec.facts()

    def signatures(self) -> dict[str, tuple[Any, list[tf.TensorSpec]]]:
        """Return the signatures of sampling, and `score`; see `export.export_savedmodel`."""
        score = self.score_signature(self.sampling_discriminator)
        return {**self.sampling_signatures(), "score": score}
