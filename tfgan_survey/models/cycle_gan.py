"""Two domains without pairs: two translators, two discriminators, and the way there and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from tfgan_survey.errors import SettingError
from tfgan_survey.layers.augmentation import flipped, jittered
from tfgan_survey.layers.image_pool import ImagePool
from tfgan_survey.layers.warp import LearntFrame
from tfgan_survey.models import updates
from tfgan_survey.models.averaging import average_of, check_ema, follow
from tfgan_survey.models.discriminating import Discriminates
from tfgan_survey.models.inputs import ImageInputs
from tfgan_survey.models.optimizers import OPTIMIZERS
from tfgan_survey.models.trainable import TrainableModel
from tfgan_survey.models.translating import Translates
from tfgan_survey.networks.scorer import Scorer
from tfgan_survey.networks.translation import TRANSLATIONS, Translation
from tfgan_survey.objectives import OBJECTIVES
from tfgan_survey.objectives.base import Objective
from tfgan_survey.registry import Axis, Inside, NotNegative
from tfgan_survey.regularizers import REGULARIZERS
from tfgan_survey.regularizers.base import NoRegularizer, Regularizer


@keras.saving.register_keras_serializable("tfgan_survey")
class CycleGAN(ImageInputs, Translates, Discriminates, TrainableModel):
    """Translators G: A -> B and F: B -> A that deceive a discriminator each and undo each other.

    Formula:
        theta_GF -= Adam(grad g_loss),  g_loss = adversarial
            + w_A (|F(G(a)) - a| + identity_weight |F(a) - a|)
            + w_B (|G(F(b)) - b| + identity_weight |G(b) - b|)
        adversarial = adversarial_weight (L_G(D_B(G(a))) + L_G(D_A(F(b))))
        theta_D -= Adam(grad d_loss + penalty),  d_loss = L_D(D_A(a), D_A(pool(F(b))))
            + L_D(D_B(b), D_B(pool(G(a))));  |.| is the mean over pixels in [-1, 1]

    Why:
        Without pairs any map from A onto B deceives a discriminator; one that can be undone keeps
        what is in the picture. Both translators move by one loss, then both discriminators on
        fakes from before the move and from the pools; objective, regularizer and networks are
        injected, as in `GAN`.

    Args:
        networks: the four networks.
        objective: the two adversarial losses.
        regularizer: what holds the discriminators back; None for nothing.
        cycle_weight: w_A, of the way from A and back; 10 as published.
        cycle_weight_b: w_B, of the way from B and back; None for the same. Of a domain with detail
            that the other cannot hold, such as colours and textures, a smaller one asks less.
        identity_weight: share of it for images that are of the target's domain already; 0.5 where
            it is used. The domains must then have the same shape.
        adversarial_weight: of the adversarial losses. The published code's least squares have no
            1/2 in the translators' loss, `least_squares` has: 2 makes them equal.
        pool_size: images of each domain that the discriminators may see again; 0 for none.
        flip: mirror training images left to right by chance.
        jitter: enlarge training images by this factor and cut their own size out; 1 for none.
        ema: decay of an average of the translators' weights, which then translates; None for none.
        seed: the model's one seed: pools, changes of images, penalties.
        name: of the model.
        **kwargs: as in `keras.Model`.

    Raises:
        SettingError: an identity term between domains of different shapes, a factor below 1, an
            `ema` that is no decay.

    Example:
        >>> gan = build("cyclegan_digits", ((28, 28, 1), (28, 28, 3)), identity_weight=0.0)
        >>> gan.translate(load_arrays("mnist", "test[:8]").images, "a2b").shape
        (8, 28, 28, 3)

    Source:
        Zhu et al. 2017, arXiv:1703.10593, Eq. 1 to 4, sections 4 and 5.2, and the authors' code.
    """

    family = "cyclegan"
    axes: ClassVar[Mapping[str, Axis]] = {
        "network": Axis(TRANSLATIONS, "networks", "network", default="residual"),
        "objective": Axis(OBJECTIVES, "objective"),
        "regularizer": Axis(REGULARIZERS, "regularizer", default="none"),
        "d_optimizer": Axis(OPTIMIZERS, "d_optimizer", "optimizer"),
        "g_optimizer": Axis(OPTIMIZERS, "g_optimizer", "optimizer"),
    }
    optimizer_names = ("d_optimizer", "g_optimizer")
    log_names = ("d_loss", "g_loss", "cycle_loss", "identity_loss", "penalty", "d_real", "d_fake")
    guarded_names = ("d_loss", "g_loss", "cycle_loss", "identity_loss", "penalty")
    abilities = frozenset({"translate"})
    domains = 2

    def __init__(
        self,
        networks: Translation,
        objective: Objective,
        regularizer: Regularizer | None = None,
        *,
        cycle_weight: NotNegative = 10.0,
        cycle_weight_b: NotNegative | None = None,
        identity_weight: NotNegative = 0.0,
        adversarial_weight: NotNegative = 1.0,
        pool_size: int = 50,
        flip: bool = False,
        jitter: float = 1.0,
        ema: Inside | None = None,
        seed: int = 0,
        name: str | None = None,
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.networks, self.objective = networks, objective
        self.regularizer = regularizer or NoRegularizer()
        self.cycle_weight, self.identity_weight = cycle_weight, identity_weight
        self.cycle_weight_b = cycle_weight_b
        self.adversarial_weight, self.pool_size = adversarial_weight, pool_size
        self.flip, self.jitter, self.ema, self.seed = flip, jitter, ema, seed
        shapes = networks.image_shape
        if identity_weight and shapes[0] != shapes[1]:
            raise SettingError(
                f"identity_weight={identity_weight}: images of {shapes[0]} and {shapes[1]} cannot "
                "be compared; set identity_weight=0, or make them equal (image_size, channels)."
            )
        if not jitter >= 1.0:
            raise SettingError(f"jitter={jitter}: expected 1 (none) or a factor above it.")
        check_ema(ema)
        for scorer in (networks.a, networks.b):
            self.objective.validate(scorer)
            self.regularizer.validate(scorer)

        self.a_to_b, self.b_to_a = networks.a_to_b, networks.b_to_a
        self.discriminator_a = networks.a.discriminator
        self.discriminator_b = networks.b.discriminator
        self.pool_a, self.pool_b = (ImagePool(pool_size, shape) for shape in shapes)
        self.ema_a_to_b = self.ema_b_to_a = None
        if ema is not None:
            self.ema_a_to_b, self.ema_b_to_a = map(average_of, (self.a_to_b, self.b_to_a))
        self._begin(seed)

    @property
    def spec(self) -> Translation:
        """Shapes of both domains: what the networks are built for."""
        return self.networks

    @property
    def translators(self) -> updates.Together:
        """Both translators, as one player."""
        return updates.Together(self.a_to_b, self.b_to_a)

    @property
    def discriminator(self) -> updates.Together:
        """Both discriminators, as one player."""
        return updates.Together(self.discriminator_a, self.discriminator_b)

    def scorers(self) -> dict[str, tuple[Scorer, keras.Model]]:
        """Return the discriminators of both domains, `a` and `b`."""
        networks = self.networks
        return {
            "a": (networks.a, self.discriminator_a), "b": (networks.b, self.discriminator_b)
        }  # fmt: skip

    def adapt(self, images: tuple[np.ndarray, np.ndarray]) -> None:
        """Let the translators' frames start where the domains' brightness lies alike.

        Args:
            images: those of A and those of B; see `LearntFrame.match`.
        """
        a, b = images
        for translators, ways in (
            ((self.a_to_b, self.ema_a_to_b), (a, b)), ((self.b_to_a, self.ema_b_to_a), (b, a)),
        ):  # fmt: skip
            for translator in translators:
                for layer in translator.layers if translator is not None else ():
                    if isinstance(layer, LearntFrame):
                        layer.match(*ways)

    def moves(self) -> dict[str, list[keras.Variable]]:
        """Return the variables that each optimizer moves."""
        return {
            "d_optimizer": self.discriminator.trainable_variables,
            "g_optimizer": self.translators.trainable_variables,
        }

    # ------------------------------------------------------------------ one step

    def unpack(self, data):
        """Return a batch of each domain as the networks take it.

        Args:
            data: `(images of A, images of B)`.

        Raises:
            ValueError: one domain only, images of another shape or dtype.
        """
        a, b, weight = keras.utils.unpack_x_y_sample_weight(data)
        if b is None or weight is not None:
            raise ValueError("This model is trained on batches (images of A, images of B).")
        return self.scaled_images(a, self.spec.a), self.scaled_images(b, self.spec.b)

    def update(self, data) -> dict[str, Any]:
        """Move both translators by one loss, then both discriminators.

        Args:
            data: `(images of A, images of B)`.

        Returns:
            Sums over both domains: `d_loss` and `penalty`, `g_loss` (adversarial, without weight),
            `cycle_loss` and `identity_loss` (without weights); means: `d_real`, `d_fake`.
        """
        real = tuple(self._changed(images) for images in self.unpack(data))
        with updates.tape(self.translators) as recorded:
            logs, fake = self._translator_logs(*real, training=True)
            loss = self.adversarial_weight * logs["g_loss"] + logs.pop("kept")
            scaled = self.scaled("g_optimizer", loss)
        variables = self.translators.trainable_variables
        self.g_optimizer.apply(recorded.gradient(scaled, variables), variables)
        if self.ema is not None:
            follow(self.ema_a_to_b, self.a_to_b, self.ema, self._clock)
            follow(self.ema_b_to_a, self.b_to_a, self.ema, self._clock)
        fake = tuple(
            pool.exchange(images, self.seed_generator)
            for pool, images in zip((self.pool_a, self.pool_b), fake, strict=True)
        )
        return {**logs, **updates.update_discriminator(self, real, fake, None)}

    def losses(self, data) -> dict[str, Any]:
        """Return the same on held-out data, without pools, changes of images or moves.

        Args:
            data: `(images of A, images of B)`.
        """
        real = self.unpack(data)
        logs, fake = self._translator_logs(*real, training=False)
        del logs["kept"]
        return {**logs, **self.discriminator_logs(real, fake, None, training=False)[0]}

    def _changed(self, images):
        if self.jitter > 1.0:
            images = jittered(images, self.jitter, self.seed_generator)
        return flipped(images, self.seed_generator) if self.flip else images

    def _translator_logs(self, a, b, training: bool):
        """Return the translators' losses, and what they make of B and A: fakes of (A, B).

        `kept` is the weighted sum of the terms that keep what a picture shows.
        """
        fake_a, fake_b = (
            self.run_translator(way, images, training) for way, images in (("b2a", b), ("a2b", a))
        )
        back_a = self.run_translator("b2a", fake_b, training)
        back_b = self.run_translator("a2b", fake_a, training)
        with updates.statistics_kept(self.discriminator):
            scores = (
                self.spec.a.score(fake_a, training=training),
                self.spec.b.score(fake_b, training=training),
            )
        cycle = _distance(back_a, a), _distance(back_b, b)
        identity = tf.zeros(()), tf.zeros(())
        if self.identity_weight:
            same = self.run_translator("b2a", a, training), self.run_translator("a2b", b, training)
            identity = _distance(same[0], a), _distance(same[1], b)
        w_a = self.cycle_weight
        w_b = w_a if self.cycle_weight_b is None else self.cycle_weight_b
        kept = (
            weight * (one + self.identity_weight * other)
            for weight, one, other in zip((w_a, w_b), cycle, identity, strict=True)
        )
        logs = {
            "g_loss": tf.add_n([self.objective.generator_loss(one) for one in scores]),
            "cycle_loss": tf.add_n(cycle),
            "identity_loss": tf.add_n(identity),
            "kept": tf.add_n(list(kept)),
        }
        return logs, (fake_a, fake_b)

    def discriminator_logs(self, real, fake, labels, training: bool, fake_labels=None, scorer=None):
        """Return the logs of both discriminators together, and their scores of the fakes.

        Args:
            real: images of A and of B.
            fake: what is shown as them.
            labels: None.
            training: whether the discriminators run in training mode.
            fake_labels: None.
            scorer: None; each domain has its own.
        """
        sides = [
            super(CycleGAN, self).discriminator_logs(one, other, None, training, scorer=side)
            for one, other, side in zip(real, fake, (self.spec.a, self.spec.b), strict=True)
        ]
        (logs_a, scores_a), (logs_b, scores_b) = sides
        share = {"d_real": 0.5, "d_fake": 0.5}
        logs = {name: share.get(name, 1.0) * (logs_a[name] + logs_b[name]) for name in logs_a}
        return logs, (scores_a, scores_b)

    # ------------------------------------------------------------------ translations, exports

    def run_translator(self, direction: str, images, training: bool = False) -> tf.Tensor:
        """Run a translator: the one that trains, or its average where there is one.

        Args:
            direction: `a2b` or `b2a`.
            images: float32 in [-1, 1].
            training: which of the two, and whether in training mode.
        """
        network = self.a_to_b if direction == "a2b" else self.b_to_a
        if not training and self.ema is not None:
            network = self.ema_a_to_b if direction == "a2b" else self.ema_b_to_a
        return tf.cast(network(images, training=training), "float32")

    def exported_networks(self) -> list[keras.Model]:
        """Return the networks that translate."""
        if self.ema is None:
            return [self.a_to_b, self.b_to_a]
        return [self.ema_a_to_b, self.ema_b_to_a]


def _distance(images, others) -> tf.Tensor:
    return tf.reduce_mean(tf.abs(images - others))
