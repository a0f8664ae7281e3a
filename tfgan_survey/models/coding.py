"""Models that encode and decode: what callers, servers and pictures ask of an encoder."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_survey.errors import SettingError
from tfgan_survey.models.averaging import average_of, follow
from tfgan_survey.networks.codec import Codec
from tfgan_survey.settings import check_whole


class Coding(abc.ABC):
    """The coding half of a model with an encoder and a decoder; mixed into a `TrainableModel`.

    Why:
        What a code is, the kind of model says (`code_of`, `images_of`); batches, checks, the
        exported functions and what `call` does follow from these.

        The model has a `codec`, and takes its inputs' checks from `ImageInputs`.
    """

    @abc.abstractmethod
    def code_of(self, images: tf.Tensor, labels=None) -> tf.Tensor:
        """Return the codes of images, networks in inference mode.

        Args:
            images: float32 in the networks' range.
            labels: the condition's rows, checked, or None.
        """

    @abc.abstractmethod
    def images_of(self, codes: tf.Tensor, labels=None) -> tf.Tensor:
        """Return the images of codes, float32 in [0, 1], networks in inference mode.

        Args:
            codes: float32 `(batch, *code_shape)`.
            labels: the condition's rows, checked, or None.
        """

    def _take(self, codec: Codec, ema: float | None, numbers: int = 1) -> None:
        """Keep the networks, and a copy of them that follows in its weights."""
        given = codec.encoder.output_shape[-1] // codec.code_shape[-1]
        if given != numbers:
            raise ValueError(
                f"The encoder gives {given} numbers a unit of the code, {numbers} are needed: "
                "POSTERIORS builds codecs for VAE, CODECS those of the other models."
            )
        self.codec = codec
        self.encoder, self.decoder = codec.encoder, codec.decoder
        self.ema_encoder = self.ema_decoder = None
        self._averaged = codec
        if ema is not None:
            self.ema_encoder, self.ema_decoder = map(average_of, (self.encoder, self.decoder))
            self._averaged = codec.with_networks(self.ema_encoder, self.ema_decoder)

    def coder(self, training: bool) -> Codec:
        """Return the networks that train, or those that all else is done with.

        Args:
            training: which of the two.
        """
        return self.codec if training else self._averaged

    def follow_average(self) -> None:
        """Move the averages after the networks, where there are any."""
        if self.ema_encoder is not None:
            follow(self.ema_encoder, self.encoder, self.ema, self._clock)
            follow(self.ema_decoder, self.decoder, self.ema, self._clock)

    @property
    def spec(self) -> Codec:
        """Shapes, condition and code: what the codec is built for."""
        return self.codec

    def adapt(self, images) -> None:
        """Let the decoder's output start from the mean image.

        Args:
            images: uint8 training images `(n, *image_shape)`.
        """
        for codec in {id(one): one for one in (self.codec, self._averaged)}.values():
            codec.adapt(images)

    def start_from(self, other) -> None:
        """Take the encoder and the decoder of another model of codes over, averages as weights.

        Args:
            other: with networks of the same shapes.

        Raises:
            SettingError: it has no such networks.
        """
        if not isinstance(other, Coding):
            raise SettingError(f"start_from: {other.name} has no encoder and decoder.")
        for role in ("encoder", "decoder"):
            source = getattr(other.coder(training=False), role)
            for codec in (self.codec, self._averaged):
                network = getattr(codec, role)
                there, here = ([w.shape for w in one.weights] for one in (source, network))
                if there != here:
                    raise SettingError(
                        f"start_from: the {role} of {other.name} has weights of the shapes "
                        f"{there}, this one's have {here}; choose the same codec and options."
                    )
                network.set_weights(source.get_weights())

    def from_latents(self, latents, labels=None) -> tf.Tensor:
        """Return the images of latents, which are codes laid out in one row.

        Args:
            latents: float32 `(batch, latent_dim)`.
            labels: the condition's rows, or None.
        """
        codes = tf.reshape(latents, (-1, *self.code_shape))
        return self.images_of(codes, self._checked_rows(labels))

    # Traced at the first call of `encode`, `decode` and `reconstruct`.
    _traced: dict[str, Callable] | None = None

    @property
    def code_shape(self) -> tuple[int, ...]:
        """Shape of one code."""
        return self.codec.code_shape

    def call(self, inputs, training: bool = False):
        """Map images to their reconstructions.

        Args:
            inputs: images as `fit` takes them, or `[images, labels]` for a conditional model.
            training: without effect; reconstructions come from networks in inference mode.

        Returns:
            float32 `(batch, *image_shape)` in [0, 1].
        """
        several = isinstance(inputs, list | tuple)
        images, labels = inputs if several else (inputs, None)
        return self._reconstructed(images, self._checked_rows(labels))

    def predict_step(self, data) -> tf.Tensor:
        """Return the reconstructions of one batch of images; see `predict`.

        Args:
            data: images, or `(images, labels)`.
        """
        images, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self._reconstructed(images, self._checked_rows(labels))

    def _reconstructed(self, images, labels) -> tf.Tensor:
        codes = self.code_of(self.spec.to_network(images), labels)
        return self.images_of(codes, labels)

    def _checked_rows(self, labels, num: int | None = None):
        """Return the condition's rows, one for each of `num` images or codes, or None."""
        spec = self.spec
        if spec.conditional == (labels is None):
            wanted = spec.condition.input_name if spec.conditional else "no labels"
            raise ValueError(f"This model takes {wanted} beside images or codes; see its spec.")
        if labels is None:
            return None
        rows = spec.condition.checked(labels)
        if num is not None and len(rows) != num:
            raise ValueError(
                f"{len(rows)} {spec.condition.input_name} came for {num} images or codes; expected "
                "one for each."
            )
        return rows

    def _checked_codes(self, codes) -> np.ndarray:
        codes, shape = np.asarray(codes, np.float32), self.code_shape
        if codes.shape[1:] != shape or len(codes) == 0:
            raise ValueError(
                f"Codes (n, {', '.join(map(str, shape))}) are expected; {codes.shape} came."
            )
        return codes

    def encode(
        self, images: np.ndarray, labels: np.ndarray | None = None, batch_size: int = 256
    ) -> np.ndarray:
        """Return the codes of images.

        Args:
            images: uint8, or floats in [0, 1], `(n, *image_shape)`.
            labels: one row of the condition an image, for a conditional model.
            batch_size: images at a time.

        Returns:
            float32 `(n, *code_shape)`.

        Raises:
            ValueError: no images, images of another shape, type or range, labels missing, wrong or
                too many.
        """
        return self._batched("encode", images, labels, batch_size)

    def decode(
        self, codes: np.ndarray, labels: np.ndarray | None = None, batch_size: int = 256
    ) -> np.ndarray:
        """Return the images of codes.

        Args:
            codes: float `(n, *code_shape)`.
            labels: one row of the condition a code, for a conditional model.
            batch_size: codes at a time.

        Returns:
            float32 `(n, *image_shape)` in [0, 1].

        Raises:
            ValueError: no codes, codes of another shape, labels missing, wrong or too many.
        """
        return self._batched("decode", codes, labels, batch_size)

    def reconstruct(
        self, images: np.ndarray, labels: np.ndarray | None = None, batch_size: int = 256
    ) -> np.ndarray:
        """Return images as they come back from their codes.

        Args:
            images: as in `encode`; so are `labels` and `batch_size`.
            labels: see `images`.
            batch_size: see `images`.

        Returns:
            float32 `(n, *image_shape)` in [0, 1].

        Raises:
            ValueError: as in `encode`.
        """
        return self._batched("reconstruct", images, labels, batch_size)

    def _batched(self, name: str, rows, labels, batch_size: int) -> np.ndarray:
        if self._traced is None:
            # By the exported form: batches of every length share one graph.
            self._traced = {
                one: tf.function(made, input_signature=specs)
                for one, (made, specs) in self.coding_signatures().items()
            }
        check_whole("batch_size", batch_size)
        rows = self._checked_codes(rows) if name == "decode" else self.check_images(rows)
        labels = self._checked_rows(labels, len(rows))
        parts = []
        for start in range(0, len(rows), batch_size):
            part = slice(start, start + batch_size)
            given = [tf.constant(rows[part])]
            if name != "decode":
                given = [self.spec.to_unit(self.spec.to_network(given[0]))]
            if labels is not None:
                given.append(labels[part])
            answer = self._traced[name](*given)
            parts.append(answer["code" if name == "encode" else "images"].numpy())
        return np.concatenate(parts)

    def coding_signatures(self) -> dict[str, tuple[Callable, list[tf.TensorSpec]]]:
        """Return what an export of a model that encodes answers, with the specs of its inputs.

        `encode` maps images in [0, 1] to `code`, `decode` codes to `images`, `reconstruct` images
        to `images`; all take the condition's rows.
        """
        spec = self.spec
        labels = spec.condition_inputs()
        images = tf.TensorSpec((None, *spec.image_shape), tf.float32, "images")
        code = tf.TensorSpec((None, *self.code_shape), tf.float32, "code")

        def encode(images, labels=None):
            rows = self._checked_rows(labels)
            return self.code_facts(spec.from_unit(images), rows)

        def decode(code, labels=None):
            return {"images": self.images_of(code, self._checked_rows(labels))}

        def reconstruct(images, labels=None):
            return {"images": self._reconstructed(images, self._checked_rows(labels))}

        return {
            "encode": (encode, [images, *labels]),
            "decode": (decode, [code, *labels]),
            "reconstruct": (reconstruct, [images, *labels]),
        }

    def code_facts(self, images: tf.Tensor, labels=None) -> dict[str, tf.Tensor]:
        """Return what the exported `encode` answers: `code`, and whatever else a kind knows of it.

        Args:
            images: float32 in the networks' range.
            labels: the condition's rows, checked, or None.
        """
        return {"code": self.code_of(images, labels)}

    def exported_networks(self) -> list[keras.Model]:
        """Return the encoder and the decoder."""
        return [self._averaged.encoder, self._averaged.decoder]

    def export_facts(self) -> dict[str, Any]:
        """Return shapes, the code's and the condition."""
        return {**self.spec.facts(), "code_shape": list(self.code_shape)}
