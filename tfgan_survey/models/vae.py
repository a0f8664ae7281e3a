"""Bounds on the likelihood: the variational autoencoder, and importance weighting."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from tfgan_survey.errors import SettingError
from tfgan_survey.layers.sampling import random_normal
from tfgan_survey.models.averaging import check_ema
from tfgan_survey.models.coding import Coding
from tfgan_survey.models.inputs import ImageInputs
from tfgan_survey.models.optimizers import OPTIMIZERS
from tfgan_survey.models.sampling import SeedSampling, check_truncation
from tfgan_survey.models.trainable import TrainableModel
from tfgan_survey.networks.codec import POSTERIORS, Codec
from tfgan_survey.objectives.reconstruction import RECONSTRUCTIONS, Reconstruction
from tfgan_survey.registry import Axis, Count, Inside, Share
from tfgan_survey.settings import check_whole

_LOG_2_PI = math.log(2.0 * math.pi)


def gaussian_kl(z_mean: tf.Tensor, z_log_var: tf.Tensor) -> tf.Tensor:
    """Return the divergence of diagonal Gaussians from the standard normal.

    Formula:
        KL(N(m, s^2) || N(0, I)) = 1/2 sum_j (s_j^2 - (1 + log s_j^2) + m_j^2);
        with e_j = log s_j^2 the lecture's c / 2,
        c = sum_j (exp(e_j) - (1 + e_j)) + m_j^2

    Args:
        z_mean: m, float32 `(..., d)`.
        z_log_var: e, the same shape.

    Returns:
        float32 `(...)`, at least 0.

    Source:
        Kingma & Welling 2014, arXiv:1312.6114, appendix B; lecture, section "VAE".
    """
    terms = tf.exp(z_log_var) - (1.0 + z_log_var) + tf.square(z_mean)
    return 0.5 * tf.reduce_sum(terms, axis=-1)


def log_normal(z: tf.Tensor, mean=0.0, log_var=0.0) -> tf.Tensor:
    """Return the log density of diagonal Gaussians.

    Formula:
        log N(z; m, s^2) = -1/2 sum_j [log(2 pi) + log s_j^2 + (z_j - m_j)^2 / s_j^2]

    Args:
        z: float32 `(..., d)`.
        mean: m, broadcast against z.
        log_var: log s^2, broadcast against z.

    Returns:
        float32 `(...)`.
    """
    squares = tf.square(z - mean) * tf.exp(-log_var)
    return -0.5 * tf.reduce_sum(_LOG_2_PI + log_var + squares, axis=-1)


def importance_bound(log_weights: tf.Tensor) -> tf.Tensor:
    """Return the importance-weighted bound on the log-likelihood.

    Formula:
        L_k = log 1/k sum_i w_i,  w_i = p(x, z_i) / q(z_i | x)

    Why:
        It grows with k in the mean, from the evidence bound at k = 1 to log p(x).

    Args:
        log_weights: log w, float32 `(k, batch)`.

    Returns:
        float32 `(batch,)`.

    Source:
        Burda et al. 2016, arXiv:1509.00519, Eq. 8.
    """
    k = tf.cast(tf.shape(log_weights)[0], log_weights.dtype)
    return tf.reduce_logsumexp(log_weights, axis=0) - tf.math.log(k)


@keras.saving.register_keras_serializable("tfgan_survey")
class VAE(ImageInputs, Coding, SeedSampling, TrainableModel):
    """An encoder to a Gaussian, a decoder from a draw of it, trained on a bound of log p(x).

    Formula:
        z = z_mean + exp(z_log_var / 2) e,  e ~ N(0, I)                  (reparameterisation)
        num_samples = 1:  loss = E_q[-log p(x | z)] + kl_weight KL(q(z | x) || N(0, I))
        num_samples = k:  loss = -log 1/k sum_i p(x, z_i) / q(z_i | x)

    Why:
        One loop for both bounds. The divergence has a closed form, which is used where there is
        one sample; with several the weights need each sample's own densities.

        `kl_weight=0` is the lecture's examination that the student sets himself: the variances
        shrink to nothing, reconstructions improve, and samples of the prior are noise.

    Args:
        codec: the two networks; the encoder gives two numbers a unit.
        reconstruction: the decoder's likelihood.
        num_samples: k, codes drawn for each image.
        kl_weight: factor on the prior's part, 1 for the bound.
        warm_up_steps: steps over which that factor rises from 0 in a line; 0 for none.
        ema: decay of a moving average of the weights, with which the model encodes, decodes and is
            measured, see `tfgan_survey.models.averaging`; None for no average.
        truncation: factor on latents in sampling, see `GAN`.
        seed: the model's one seed.
        **kwargs: as in `keras.Model`.

    Raises:
        ValueError: a loss that is no likelihood, or an argument outside its range.

    Source:
        Kingma & Welling 2014, arXiv:1312.6114, Eqs. 3 and 10; Burda et al. 2016,
        arXiv:1509.00519, Eq. 8; lecture, section "VAE".
    """

    family = "vae"
    axes: ClassVar[Mapping[str, Axis]] = {
        "codec": Axis(POSTERIORS, "codec", "network"),
        "reconstruction": Axis(RECONSTRUCTIONS, "reconstruction"),
        "optimizer": Axis(OPTIMIZERS, "optimizer", "optimizer"),
    }
    log_names = ("loss", "reconstruction_loss", "kl_loss")
    abilities = frozenset({"sample", "encode", "reconstruct", "likelihood"})

    def __init__(
        self,
        codec: Codec,
        reconstruction: Reconstruction,
        *,
        num_samples: Count = 1,
        kl_weight: float = 1.0,
        warm_up_steps: int = 0,
        ema: Inside | None = None,
        truncation: Share = 1.0,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not reconstruction.is_likelihood:
            known = [name for name, one in RECONSTRUCTIONS.items() if one.is_likelihood]
            raise ValueError(
                f"reconstruction={reconstruction.name}: a bound needs a likelihood, one of "
                f"{', '.join(known)}; gaussian with stddev=1 is the squared error's."
            )
        if len(codec.code_shape) != 1:
            raise ValueError("A VAE's code is a vector: choose spatial=false.")
        if not 0.0 <= kl_weight < math.inf:
            raise SettingError(f"kl_weight={kl_weight}: expected at least 0.")
        check_ema(ema)
        check_truncation(truncation)
        self.reconstruction = reconstruction
        self.num_samples = check_whole("num_samples", num_samples)
        self.kl_weight = kl_weight
        self.warm_up_steps = check_whole("warm_up_steps", warm_up_steps, smallest=0)
        self.ema, self.truncation, self.seed = ema, truncation, seed
        self._take(codec, ema, numbers=2)
        self._begin(seed)

    def moves(self) -> dict[str, list[keras.Variable]]:
        """Return all weights."""
        return {"optimizer": self.encoder.trainable_variables + self.decoder.trainable_variables}

    # ------------------------------------------------------------------ one step

    def update(self, data) -> dict[str, Any]:
        """Move both networks down the bound.

        Args:
            data: images, or `(images, labels)`.

        Returns:
            `loss`, `reconstruction_loss` (mean `-log p(x | z)` in nats), `kl_loss`.
        """
        images, labels = self.unpack(data)
        logs = self.descend(
            "optimizer", self.moves()["optimizer"], lambda: self.bound(images, labels, True)
        )
        self.follow_average()
        return logs

    def losses(self, data) -> dict[str, Any]:
        """Return the same on held-out data, the prior's part in full.

        Args:
            data: images, or `(images, labels)`.
        """
        return self.bound(*self.unpack(data), training=False)

    def bound(self, images, labels, training: bool) -> dict[str, tf.Tensor]:
        """Return the loss and its parts, means over the batch.

        Args:
            images: float32 in [0, 1].
            labels: the condition's rows, or None.
            training: whether the prior's part is still rising.
        """
        z_mean, z_log_var = self.posterior(images, labels, training)
        kl = gaussian_kl(z_mean, z_log_var)
        weight = self._prior_weight() if training else self.kl_weight
        if self.num_samples == 1:
            z = z_mean + tf.exp(0.5 * z_log_var) * self.random_latents(images)
            error = self.reconstruction.per_example(
                images, self.coder(training).decode(z, labels, training)
            )
            loss = error + weight * kl
        else:
            noise = random_normal((self.num_samples, *tf.unstack(tf.shape(z_mean))),
                                  self.seed_generator)  # fmt: skip
            error, prior, posterior = self._densities(images, labels, z_mean, z_log_var, noise,
                                                      training)  # fmt: skip
            loss = -importance_bound(-error + weight * (prior - posterior))
        return {
            "loss": tf.reduce_mean(loss),
            "reconstruction_loss": tf.reduce_mean(error),
            "kl_loss": tf.reduce_mean(kl),
        }

    def _prior_weight(self):
        if not self.warm_up_steps:
            return self.kl_weight
        done = tf.cast(self.steps.value, "float32") / float(self.warm_up_steps)
        return self.kl_weight * tf.minimum(1.0, done)

    def _densities(self, images, labels, z_mean, z_log_var, noise, training):
        """Return -log p(x | z), log p(z) and log q(z | x) of drawn codes, each `(k, batch)`."""
        k, batch = noise.shape[0], tf.shape(z_mean)[0]
        z = z_mean + tf.exp(0.5 * z_log_var) * noise
        flat = tf.reshape(z, (-1, self.spec.latent_dim))
        rows = labels
        if labels is not None:
            rows = tf.tile(labels, [k, *[1] * (len(labels.shape) - 1)])
        outputs = self.coder(training).decode(flat, rows, training)
        outputs = tf.reshape(outputs, (k, batch, *self.spec.image_shape))
        error = self.reconstruction.per_example(images, outputs)
        # log q in terms of the noise, which stays exact where variances are tiny.
        log_q = log_normal(noise) - 0.5 * tf.reduce_sum(z_log_var, axis=-1)
        return error, log_normal(z), log_q

    def posterior(self, images, labels=None, training: bool = False):
        """Return mean and log variance of q(z | x), float32 `(batch, latent_dim)` each.

        Args:
            images: float32 in [0, 1].
            labels: the condition's rows, or None.
            training: whether the encoder runs in training mode.
        """
        return tf.split(self.coder(training).encode(images, labels, training), 2, axis=-1)

    # ------------------------------------------------------------------ likelihood

    def log_likelihood(
        self,
        images: np.ndarray,
        labels: np.ndarray | None = None,
        num_samples: int = 200,
        seed: int = 0,
        batch_size: int = 20,
    ) -> np.ndarray:
        """Estimate log p(x) by importance sampling from the encoder's Gaussian.

        Formula:
            log p(x) ~ log 1/k sum_i p(x | z_i) p(z_i) / q(z_i | x),  z_i ~ q(z | x)

        Why:
            In the mean it is a lower bound, the closer the more samples.

        Args:
            images: as in `encode`; 0 or 1 for a Bernoulli decoder, else the value is none of a
                likelihood.
            labels: one row of the condition an image, for a conditional model.
            num_samples: k.
            seed: of the draws; image i's are a function of it, of i and of `num_samples` alone.
            batch_size: images at a time.

        Returns:
            float64 `(n,)`, nats.

        Raises:
            ValueError: as in `encode`.

        Source:
            Burda et al. 2016, arXiv:1509.00519, section 5.1 (5,000 samples there).
        """
        check_whole("num_samples", num_samples)
        check_whole("batch_size", batch_size)
        images = self.check_images(images)
        labels = self._checked_rows(labels, len(images))
        if self._estimator is None:
            self._estimator = tf.function(self._log_weights, reduce_retracing=True)
        part = min(num_samples, _MOST_AT_ONCE)
        counts = [part] * (num_samples // part) + [num_samples % part] * (num_samples % part > 0)
        found = []
        for start in range(0, len(images), batch_size):
            rows = slice(start, start + batch_size)
            batch = self.spec.to_network(tf.constant(images[rows]))
            ids = None if labels is None else labels[rows]
            # float64: the sum of thousands of weights that differ by many orders.
            weights = [
                self._estimator(
                    batch, ids, tf.constant([seed, start, index], tf.int64), count
                ).numpy()
                for index, count in enumerate(counts)
            ]
            stacked = np.concatenate(weights).astype(np.float64)
            found.append(np.logaddexp.reduce(stacked, axis=0) - math.log(num_samples))
        return np.concatenate(found)

    # Traced at the first call of `log_likelihood`.
    _estimator = None

    def _log_weights(self, images, labels, key, count: int) -> tf.Tensor:
        z_mean, z_log_var = self.posterior(images, labels)
        seed, start, part = tf.unstack(key)

        # A key of its own for each image: what is drawn for it does not depend on its batch.
        def draws(image):
            own = tf.stack([seed, image * 65_536 + part])
            return tf.random.stateless_normal((count, self.spec.latent_dim), own, alg="philox")

        numbers = start + tf.range(tf.shape(images, tf.int64)[0])
        noise = tf.map_fn(draws, numbers, fn_output_signature=tf.float32)
        error, prior, posterior = self._densities(
            images, labels, z_mean, z_log_var, tf.transpose(noise, (1, 0, 2)), training=False
        )
        return -error + prior - posterior

    # ------------------------------------------------------------------ codes, samples, exports

    def code_of(self, images, labels=None) -> tf.Tensor:
        """Return the posterior's means.

        Args:
            images: see `Coding`.
            labels: see `Coding`.
        """
        return self.posterior(images, labels)[0]

    def code_facts(self, images, labels=None) -> dict[str, tf.Tensor]:
        """Return the code, which is the mean, and both numbers of the posterior.

        Args:
            images: see `Coding`.
            labels: see `Coding`.
        """
        z_mean, z_log_var = self.posterior(images, labels)
        return {"code": z_mean, "z_mean": z_mean, "z_log_var": z_log_var}

    def images_of(self, codes, labels=None) -> tf.Tensor:
        """Return the decoder's means.

        Args:
            codes: see `Coding`.
            labels: see `Coding`.
        """
        return self.spec.to_unit(self.run_generator(codes, labels))

    def run_generator(self, latents, labels, training: bool = False) -> tf.Tensor:
        """Run the decoder.

        Args:
            latents: float32 `(batch, latent_dim)`.
            labels: the condition's rows, or None.
            training: whether it runs in training mode.
        """
        return self.reconstruction.mean(self.coder(training).decode(latents, labels, training))

    def signatures(self) -> dict[str, tuple[Any, list[tf.TensorSpec]]]:
        """Return the signatures of sampling and of coding."""
        return {**self.sampling_signatures(), **self.coding_signatures()}


# Codes decoded in one call for an image of a batch.
_MOST_AT_ONCE = 250
