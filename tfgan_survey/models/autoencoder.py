"""Reconstruction: one loop for plain, deep, denoising, sparse and discrete autoencoders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from tfgan_survey.layers.codes import CODES, Code
from tfgan_survey.layers.corruption import CORRUPTIONS, Corruption
from tfgan_survey.layers.mixture import GaussianMixture
from tfgan_survey.layers.sampling import latents_from_seeds
from tfgan_survey.models.averaging import check_ema
from tfgan_survey.models.coding import Coding
from tfgan_survey.models.inputs import ImageInputs
from tfgan_survey.models.optimizers import OPTIMIZERS
from tfgan_survey.models.sampling import SeedSampling
from tfgan_survey.models.trainable import TrainableModel
from tfgan_survey.networks.codec import CODECS, Codec
from tfgan_survey.objectives.reconstruction import RECONSTRUCTIONS, Reconstruction
from tfgan_survey.registry import Axis, Inside
from tfgan_survey.regularizers.code import CODE_PENALTIES, CodePenalty
from tfgan_survey.settings import check_whole

# Images from which a code that starts from data does so.
_SEEN_BY_CODES = 2000


@keras.saving.register_keras_serializable("tfgan_survey")
class Autoencoder(ImageInputs, Coding, SeedSampling, TrainableModel):
    """An encoder and a decoder that give an image back from a code.

    Formula:
        z = code(encoder(c(x))),
        loss = mean_i L(x_i, decoder(z_i)) + penalty(z) + loss of the code;
        c the corruption, L the reconstruction loss of the clean image

    Why:
        Corruption, code, penalty and loss are injected, so the lecture's autoencoders are this
        class with other arguments.

        With `stack_steps` = n the layers are trained one after the other, n steps each, before all
        are trained together: layer j sees what the trained layers below it give, corrupted, and
        with the decoder's mirrored layer gives it back; nothing else moves (Bengio et al. 2007).

    Args:
        codec: the two networks.
        reconstruction: the loss between images and outputs.
        corruption: what the encoder sees in place of the image; None for the image.
        code: from the encoder's outputs to codes; None for the outputs.
        penalty: of codes; None for nothing.
        stack_steps: training steps for each layer by itself; 0 for none.
        mixture_components: Gaussians fitted to the training set's codes at the end of a training,
            from which the model then samples; 0 for none, and no samples.
        ema: decay of a moving average of the weights, see `VAE`; None for no average.
        seed: the model's one seed.
        **kwargs: as in `keras.Model`.

    Raises:
        ValueError: the parts do not fit; the message says which and why.

    Source:
        Lecture, section "AutoEncoder"; Hinton & Salakhutdinov 2006, Science 313; Vincent et al.
        2010, JMLR 11.
    """

    family = "autoencoder"
    axes: ClassVar[Mapping[str, Axis]] = {
        "codec": Axis(CODECS, "codec", "network"),
        "corruption": Axis(CORRUPTIONS, "corruption", default="none"),
        "code": Axis(CODES, "code", default="continuous"),
        "penalty": Axis(CODE_PENALTIES, "penalty", default="none"),
        "reconstruction": Axis(RECONSTRUCTIONS, "reconstruction", default="squared_error"),
        "optimizer": Axis(OPTIMIZERS, "optimizer", "optimizer"),
    }
    log_names = ("loss", "reconstruction_loss", "penalty", "code_loss")
    truncation = 1.0
    latent = "mixture"

    def __init__(
        self,
        codec: Codec,
        reconstruction: Reconstruction,
        corruption: Corruption | None = None,
        code: Code | None = None,
        penalty: CodePenalty | None = None,
        *,
        stack_steps: int = 0,
        mixture_components: int = 0,
        ema: Inside | None = None,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_ema(ema)
        self.reconstruction = reconstruction
        self.corruption = corruption or CORRUPTIONS["none"]()
        self.code = code or CODES["continuous"]()
        self.penalty = penalty or CODE_PENALTIES["none"]()
        self.penalty.validate(self.code)
        if not self.code.built:
            self.code.build((None, *codec.code_shape))
        self.stack_steps = check_whole("stack_steps", stack_steps, smallest=0)
        count = check_whole("mixture_components", mixture_components, smallest=0)
        self.mixture_components = count
        self.ema, self.seed = ema, seed
        self._take(codec, ema)
        self.mixture = GaussianMixture(count, codec.latent_dim) if count else None
        if stack_steps:
            codec.stages()  # refuses networks that cannot be stacked
        self._begin(seed)

    @property
    def abilities(self) -> frozenset[str]:
        """Encode, reconstruct; denoise with a corruption; sample once a mixture is fitted."""
        able = {"encode", "reconstruct"}
        if self.corruption.name != "none":
            able.add("denoise")
        if self.mixture is not None and self.mixture.fitted:
            able.add("sample")
        return frozenset(able)

    def adapt(self, images) -> None:
        """Let the output start from the mean image, and codes that take theirs from data.

        Args:
            images: uint8 training images `(n, *image_shape)`.
        """
        super().adapt(images)
        seen = self.spec.to_network(tf.constant(images[:_SEEN_BY_CODES]))
        rows = None
        if self.spec.conditional:
            # Their own rows are not at hand; a start needs no more than rows that are possible.
            condition = self.spec.condition
            rows = tf.zeros((len(seen), *condition.row_shape), condition.dtype)
        self.code.adapt(self.codec.encode(seen, rows).numpy(), self.seed)

    def conclude(self, images, labels=None) -> None:
        """Fit the mixture to the codes of the training set.

        Args:
            images: uint8 training images.
            labels: their rows, for a conditional model.
        """
        if self.mixture is not None:
            rows = labels if self.spec.conditional else None
            codes = self.encode(images, rows)
            self.mixture.fit(codes.reshape(len(codes), -1), self.seed)

    def moves(self) -> dict[str, list[keras.Variable]]:
        """Return all weights, the code's own included."""
        networks = self.encoder.trainable_variables + self.decoder.trainable_variables
        return {"optimizer": networks + self.code.trainable_variables}

    # ------------------------------------------------------------------ one step

    def update(self, data) -> dict[str, Any]:
        """Move the networks, or the layer that is due, down the loss.

        Args:
            data: images, or `(images, labels)`.

        Returns:
            `loss`, and its parts `reconstruction_loss` (sum over pixels, mean over the batch),
            `penalty` and `code_loss`.
        """
        images, labels = self.unpack(data)
        if not self.stack_steps:
            return self._all(images, labels)
        stages = len(self.codec.stages())
        stage = tf.minimum((self.steps.value - 1) // self.stack_steps, stages)
        branches = [lambda index=index: self._one(images, index) for index in range(stages)]
        return tf.switch_case(
            tf.cast(stage, "int32"), [*branches, lambda: self._all(images, labels)]
        )

    def _all(self, images, labels) -> dict[str, Any]:
        logs = self.descend(
            "optimizer",
            self.moves()["optimizer"],
            lambda: self.reconstruction_logs(images, labels, training=True),
        )
        self.follow_average()
        return logs

    def _one(self, images, index: int) -> dict[str, Any]:
        """Train one layer and its mirror on what the layers below give."""
        stages = self.codec.stages()
        layer, mirror = stages[index]
        below = tf.reshape(images, (tf.shape(images)[0], -1))
        for lower, _ in stages[:index]:
            below = lower(below)
        below = tf.stop_gradient(tf.cast(below, "float32"))

        last = index == len(stages) - 1

        def logs():
            outputs = layer(self.corruption(below, self.seed_generator))
            codes = self.code(tf.cast(outputs, "float32")) if last else outputs
            back = tf.cast(mirror(codes), "float32")
            if index == 0:
                outputs = tf.cast(self._with_bias(back), "float32")
                outputs = tf.reshape(outputs, tf.shape(images))
                error = self.reconstruction.per_example(images, outputs)
            else:
                error = tf.reduce_sum(tf.square(back - below), axis=-1)
            error, nothing = tf.reduce_mean(error), tf.zeros(())
            return {"loss": error, "reconstruction_loss": error, "penalty": nothing,
                    "code_loss": nothing}  # fmt: skip

        moved = self.descend("optimizer", layer.trainable_variables + mirror.trainable_variables,
                             logs)  # fmt: skip
        self.follow_average()
        return moved

    def _with_bias(self, outputs):
        """Add the output's bias, which stands behind the last dense layer."""
        for layer in self.decoder.layers:
            if hasattr(layer, "adapt"):
                outputs = layer(outputs)
        return outputs

    def losses(self, data) -> dict[str, Any]:
        """Return the same of held-out images, uncorrupted.

        Args:
            data: images, or `(images, labels)`.
        """
        return self.reconstruction_logs(*self.unpack(data), training=False)

    def reconstruction_logs(self, images, labels, training: bool) -> dict[str, tf.Tensor]:
        """Return the loss and its parts, means over the batch.

        Args:
            images: float32 in [0, 1].
            labels: the condition's rows, or None.
            training: whether images are corrupted, and networks run in training mode.
        """
        seen = self.corruption(images, self.seed_generator) if training else images
        codec = self.coder(training)

        def encode(given):
            return self.code(codec.encode(given, labels, training))

        outputs = codec.encode(seen, labels, training)
        codes = self.code(outputs)
        error = tf.reduce_mean(
            self.reconstruction.per_example(images, codec.decode(codes, labels, training))
        )
        penalty = self.penalty.penalty(codes, encode, seen, self.seed_generator)
        code_loss = self.code.loss(outputs)
        return {
            "loss": error + penalty + code_loss,
            "reconstruction_loss": error,
            "penalty": penalty,
            "code_loss": code_loss,
        }

    # ------------------------------------------------------------------ codes, samples, exports

    def corrupt(self, images: np.ndarray, seed: int = 0) -> np.ndarray:
        """Return images as the encoder sees them in training, clipped to what can be shown.

        Args:
            images: uint8, or floats in [0, 1].
            seed: of the noise.

        Returns:
            float32 in [0, 1].

        Raises:
            ValueError: images as `encode` refuses them.
        """
        given = self.spec.to_network(tf.constant(self.check_images(images)))
        noisy = self.corruption(given, keras.random.SeedGenerator(seed))
        return self.spec.to_unit(noisy).numpy()

    def code_of(self, images, labels=None) -> tf.Tensor:
        """Return the codes.

        Args:
            images: see `Coding`.
            labels: see `Coding`.
        """
        return self.code(self.coder(False).encode(images, labels))

    def images_of(self, codes, labels=None) -> tf.Tensor:
        """Return the decoder's images.

        Args:
            codes: see `Coding`.
            labels: see `Coding`.
        """
        outputs = self.coder(False).decode(codes, labels)
        return self.spec.to_unit(self.reconstruction.mean(outputs))

    def run_generator(self, latents, labels, training: bool = False) -> tf.Tensor:
        """Run the decoder on codes laid out in rows.

        Args:
            latents: float32 `(batch, latent_dim)`.
            labels: the condition's rows, or None.
            training: whether it runs in training mode.
        """
        codes = tf.reshape(latents, (-1, *self.code_shape))
        return self.reconstruction.mean(self.coder(training).decode(codes, labels, training))

    def latents(self, seeds: tf.Tensor) -> tf.Tensor:
        """Return codes drawn from the mixture, each a function of its own seed alone.

        Args:
            seeds: integers `(batch,)`.

        Returns:
            float32 `(batch, latent_dim)`.

        Raises:
            ValueError: there is no mixture, or none fitted yet; seeds that are no integers.
        """
        if "sample" not in self.abilities:
            raise ValueError(
                "This autoencoder has nothing to sample from: train it to the end with "
                "mixture_components=10, or another number of Gaussians."
            )
        seeds = tf.convert_to_tensor(seeds)
        if not seeds.dtype.is_integer:
            raise ValueError(f"seeds are {seeds.dtype.name}; expected integers.")
        return self.mixture(latents_from_seeds(seeds, self.spec.latent_dim + 1, "normal"))

    def signatures(self) -> dict[str, tuple[Any, list[tf.TensorSpec]]]:
        """Return the signatures of coding, and of sampling where a mixture is fitted."""
        coding = self.coding_signatures()
        if "sample" in self.abilities:
            return {**self.sampling_signatures(), **coding}
        return {"serving_default": coding["reconstruct"], **coding}

    def exported_networks(self) -> list[keras.Model]:
        """Return the networks, and the layers beside them that signatures read."""
        beside = [layer for layer in (self.code, self.mixture) if layer is not None]
        return [*super().exported_networks(), *beside]
