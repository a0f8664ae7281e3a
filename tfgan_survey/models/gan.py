"""Two players: the losses of a generator and a discriminator, and who moves when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import keras
import tensorflow as tf

from tfgan_survey.errors import SettingError
from tfgan_survey.layers import spectral
from tfgan_survey.layers.augmentation import AUGMENTATIONS, Augmentation, NoAugmentation
from tfgan_survey.models import updates
from tfgan_survey.models.averaging import average_of, check_ema, follow
from tfgan_survey.models.discriminating import Discriminates
from tfgan_survey.models.inputs import ImageInputs
from tfgan_survey.models.optimizers import OPTIMIZERS
from tfgan_survey.models.sampling import SeedSampling, check_truncation
from tfgan_survey.models.trainable import TrainableModel
from tfgan_survey.networks import NETWORKS, adapt
from tfgan_survey.networks.pair import NetworkPair
from tfgan_survey.networks.specs import Spec
from tfgan_survey.objectives import OBJECTIVES
from tfgan_survey.objectives.base import Objective
from tfgan_survey.registry import Axis, Count, Inside, Share
from tfgan_survey.regularizers import REGULARIZERS
from tfgan_survey.regularizers.base import NoRegularizer, Regularizer
from tfgan_survey.settings import check_whole

# Published warm-up of WGAN's code: 100 critic steps for the first 25 generator steps and for every
# 500th (Arjovsky et al. 2017, authors' implementation).
_WARM_UP_CRITIC, _WARM_UP_FIRST, _WARM_UP_EVERY = 100, 25, 500


@keras.saving.register_keras_serializable("tfgan_survey")
class GAN(ImageInputs, Discriminates, SeedSampling, TrainableModel):
    """A generator and a discriminator trained against each other.

    Formula:
        every step, on one real minibatch: theta_D -= Adam(grad d_loss + penalty);
        on every `n_critic`-th step: theta_G -= Adam(grad g_loss)     (Algorithm 1)

    Why:
        Objective, regularizer and networks are injected, so every family in the survey is this
        class with other arguments. One step is one real minibatch and one discriminator update; a
        saved counter decides when the generator moves, so each critic update sees fresh data.

        Algorithm 1 draws fresh latents for the generator's update. By default this class does not:
        the generator moves on the latents of its step's discriminator update, so that where both
        move in every step, one generator pass serves both. The pass is exact, since the generator
        does not change in between, but it is a deviation: the discriminator has just moved against
        these very fakes. `fresh_latents=True` follows the paper.

    Args:
        pair: the two networks.
        objective: the two losses.
        regularizer: what holds the discriminator back; None for nothing.
        augmentation: how real and generated images change, drawn anew each time, before the
            discriminator sees them in training; None for not at all.
        n_critic: discriminator updates for each generator update.
        critic_warm_up: WGAN's published schedule: 100 discriminator updates for each of the first
            25 generator updates and for every 500th.
        simultaneous: take both gradients at the same weights (the 2014 code) instead of moving the
            discriminator first; needs `n_critic=1`.
        fresh_latents: draw other latents for the generator's update than the discriminator's update
            of the same step had, as Algorithm 1 does; costs a second generator pass.
        mismatched: half of the discriminator's negatives are real examples beside the condition
            of the next one in the batch (Reed et al. 2016, arXiv:1605.05396, Algorithm 1).
        ema: decay of an exponential moving average of the generator's weights, which `generate`
            then uses; None for no average. The decay of the n-th generator update is
            min(ema, (1 + n) / (10 + n)), so that the average forgets the start soon.
        truncation: factor on the latents' distance from their distribution's middle, in sampling,
            not in training; below 1 samples are more typical and less diverse (Brock et al. 2019,
            arXiv:1809.11096, section 3.1, for a uniform latent its interval shrunk). Latents that
            a caller gives are left alone.
        seed: the model's one seed: training latents, penalties, flips.
        name: of the model.
        **kwargs: as in `keras.Model`.

    Raises:
        ValueError: the parts do not fit, or an argument is outside its range; the message says
            which and why.

    Example:
        >>> gan = GAN(mlp((28, 28, 1)), NonSaturating())
        >>> gan.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
        >>> gan.fit(load("mnist", batch_size=128), epochs=3)
        >>> images = gan.generate(16, seed=0)

    Source:
        Goodfellow et al. 2014, arXiv:1406.2661, Algorithm 1, but for shared latents (see above);
        survey section 2.4.5.
    """

    family = "gan"
    axes: ClassVar[Mapping[str, Axis]] = {
        "network": Axis(NETWORKS, "pair", "network"),
        "objective": Axis(OBJECTIVES, "objective"),
        "regularizer": Axis(REGULARIZERS, "regularizer", default="none"),
        "augmentation": Axis(AUGMENTATIONS, "augmentation", default="none"),
        "d_optimizer": Axis(OPTIMIZERS, "d_optimizer", "optimizer"),
        "g_optimizer": Axis(OPTIMIZERS, "g_optimizer", "optimizer"),
    }
    optimizer_names = ("d_optimizer", "g_optimizer")
    log_names = ("d_loss", "g_loss", "penalty", "d_real", "d_fake")
    guarded_names = ("d_loss", "g_loss", "penalty")
    counters = ("d_updates", "g_updates", "critic_steps")
    logged_counters = ("d_updates", "g_updates")
    abilities = frozenset({"sample", "score"})

    def __init__(
        self,
        pair: NetworkPair,
        objective: Objective,
        regularizer: Regularizer | None = None,
        augmentation: Augmentation | None = None,
        *,
        n_critic: Count = 1,
        critic_warm_up: bool = False,
        simultaneous: bool = False,
        fresh_latents: bool = False,
        mismatched: bool = False,
        ema: Inside | None = None,
        truncation: Share = 1.0,
        seed: int = 0,
        name: str | None = None,
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        _check(n_critic, simultaneous, critic_warm_up, fresh_latents, ema, truncation)
        _check_mismatched(mismatched, pair, objective)
        self.pair = pair
        self.objective = objective
        self.regularizer = regularizer or NoRegularizer()
        self.augmentation = augmentation or NoAugmentation()
        self.objective.validate(pair)
        self.regularizer.validate(pair)
        self.augmentation.validate(pair)
        self.n_critic = n_critic
        self.critic_warm_up = critic_warm_up
        self.simultaneous = simultaneous
        self.fresh_latents = fresh_latents
        self.mismatched = mismatched
        self.ema = ema
        self.truncation = truncation
        self.seed = seed

        self.generator = pair.generator
        self.discriminator = pair.discriminator
        self.ema_generator = None
        if ema is not None:
            self.ema_generator = average_of(pair.generator)
        self._begin(seed)

    @property
    def spec(self) -> Spec:
        """Shapes, condition, latent and range: what the pair is built for."""
        return self.pair

    @classmethod
    def assemble(cls, pair: NetworkPair, **parts) -> GAN:
        """Build the model from the parts that settings chose.

        Args:
            pair: the networks; with labels they make it a `ConditionalGAN`.
            **parts: the constructor's other arguments.
        """
        return (ConditionalGAN if pair.conditional else cls)(pair, **parts)

    def adapt(self, images) -> None:
        """Let layers that start from the data's statistics see it, see `networks.adapt`.

        Args:
            images: uint8 training images `(n, *image_shape)`.
        """
        adapt(self.pair, images)

    def moves(self) -> dict[str, list[keras.Variable]]:
        """Return the variables that each optimizer moves."""
        return {
            "d_optimizer": self.discriminator.trainable_variables,
            "g_optimizer": self.generator.trainable_variables,
        }

    def replica_obstacle(self) -> str | None:
        """Return why replicas cannot train it together, None where they end as one would."""
        if type(self) not in (GAN, ConditionalGAN):
            return super().replica_obstacle()
        if self.mismatched:
            return "mismatched=True pairs each example with the next replica's condition"
        # Not compared with one machine yet.
        if self.augmentation.name != "none":
            return f"augmentation={self.augmentation.name} was not tried over replicas"
        if spectral.normalised(self.discriminator):
            return "spectral normalisation was not tried over replicas"
        return None

    # ------------------------------------------------------------------ one step

    def update(self, data) -> dict[str, Any]:
        """Run one discriminator update and, when it is due, one generator update.

        Args:
            data: images, or `(images, labels)`.

        Returns:
            `d_loss` (without the penalty), `g_loss`, `penalty`, `d_real`, `d_fake` (mean
            probability of "real", or mean score where the objective has no probability).
        """
        real, labels = self.unpack(data)
        latents = self.random_latents(real)
        if self.simultaneous:
            step = updates.simultaneous
        elif self.n_critic == 1 and not self.critic_warm_up and not self.fresh_latents:
            step = updates.shared_pass
        else:
            step = updates.alternating
        d_logs, g_loss, g_moved = step(self, real, labels, latents)
        self.g_updates.assign_add(tf.cast(g_moved, "int64"))
        return {**d_logs, "g_loss": (g_loss, g_moved)}

    def losses(self, data) -> dict[str, Any]:
        """Return the losses on held-out data with the networks in inference mode.

        Args:
            data: images, or `(images, labels)`.
        """
        real, labels = self.unpack(data)
        fake = self.pair.generate(self.random_latents(real), labels)
        d_logs, fake_scores = self.discriminator_logs(real, fake, labels, training=False)
        return {**d_logs, "g_loss": self.generator_loss(fake, labels, real, fake_scores)}

    def generator_loss(self, fake, labels, real, scores=None) -> tf.Tensor:
        """Return the generator's loss; the discriminator's statistics stay as they are.

        Args:
            fake: generated images.
            labels: the condition's rows, such as int32 `(batch,)`, or None.
            real: images of the step; a kind that compares fakes with them reads them.
            scores: of the fakes, where they are known already.
        """
        if scores is None:
            # Batch statistics of the discriminator are collected in its own update, not in this.
            with updates.statistics_kept(self.discriminator):
                scores = self.pair.score(self.augmented(fake), labels, training=True)
        return self.objective.generator_loss(scores)

    def apply_generator(self, gradients) -> None:
        """Move the generator, and its average after it.

        Args:
            gradients: of its trainable variables.
        """
        self.g_optimizer.apply(gradients, self.generator.trainable_variables)
        if self.ema_generator is not None:
            follow(self.ema_generator, self.generator, self.ema, self.g_updates)

    def generator_due(self) -> tf.Tensor:
        """Advance the critic counter; 1.0 when the generator is to move in this step."""
        target = tf.constant(self.n_critic, "int64")
        if self.critic_warm_up:
            done = self.g_updates.value
            warm = (done < _WARM_UP_FIRST) | (done % _WARM_UP_EVERY == 0)
            target = tf.where(warm, tf.constant(_WARM_UP_CRITIC, "int64"), target)
        steps = self.critic_steps.value + 1
        due = steps >= target
        self.critic_steps.assign(tf.where(due, tf.zeros_like(steps), steps))
        return tf.cast(due, "float32")

    # ------------------------------------------------------------------ samples, exports

    @property
    def sampling_generator(self) -> keras.Model:
        """The generator that samples come from: the weight average where there is one."""
        return self.generator if self.ema_generator is None else self.ema_generator

    def run_generator(self, latents, labels, training: bool = False) -> tf.Tensor:
        """Run the generator that samples come from.

        Args:
            latents: float32 `(batch, latent_dim)`.
            labels: the condition's rows, or None.
            training: whether it runs in training mode.
        """
        return self.pair.generate(latents, labels, training, self.sampling_generator)

    def exported_networks(self) -> list[keras.Model]:
        """Return the generator that samples come from, and the discriminator."""
        return [self.sampling_generator, self.discriminator]

    def export_facts(self) -> dict[str, Any]:
        """Return shapes, latent and condition."""
        return self.spec.facts()

    def signatures(self) -> dict[str, tuple[Any, list[tf.TensorSpec]]]:
        """Return the signatures of sampling, and `score`; see `export.export_savedmodel`."""
        return {**self.sampling_signatures(), "score": self.score_signature(self.discriminator)}


@keras.saving.register_keras_serializable("tfgan_survey")
class ConditionalGAN(GAN):
    """A GAN whose two networks see a condition (Mirza & Osindero 2014, arXiv:1411.1784, Eq. 2).

    There is no second loop: labels are one path, and a pair built with `num_classes`, or with
    another condition, is enough. This name checks that, for those who look for it.

    Args:
        pair: the two networks, built with a condition.
        *args: as in `GAN`.
        **kwargs: as in `GAN`.

    Raises:
        ValueError: the pair was built without a condition.
    """

    def __init__(self, pair: NetworkPair, *args, **kwargs):
        if not pair.conditional:
            raise ValueError(
                "ConditionalGAN needs a pair with labels: pass num_classes to its builder."
            )
        super().__init__(pair, *args, **kwargs)


def _check(
    n_critic: int,
    simultaneous: bool,
    critic_warm_up: bool,
    fresh_latents: bool,
    ema: float | None,
    truncation: float,
) -> None:
    check_whole("n_critic", n_critic)
    switches = {
        "simultaneous": simultaneous,
        "critic_warm_up": critic_warm_up,
        "fresh_latents": fresh_latents,
    }
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise SettingError(f"{name}={value!r}: expected True or False.")
    if simultaneous and (n_critic != 1 or critic_warm_up or fresh_latents):
        raise SettingError(
            "simultaneous=True moves both networks in each step by one generator pass: it needs "
            "n_critic=1, no critic_warm_up and no fresh_latents."
        )
    check_ema(ema)
    check_truncation(truncation)


def _check_mismatched(mismatched: bool, pair: NetworkPair, objective: Objective) -> None:
    if not isinstance(mismatched, bool):
        raise SettingError(f"mismatched={mismatched!r}: expected True or False.")
    if not mismatched:
        return
    if not pair.conditional:
        raise SettingError("mismatched=True: these networks are told no condition to mismatch.")
    if objective.needs_images:
        raise SettingError(
            f"mismatched=True: {objective.name} compares each fake with its own real example; take "
            "another objective."
        )
