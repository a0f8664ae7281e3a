"""Samples: seeds, condition, truncation; one image is a function of its seed and its label."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from tfgan_survey.errors import SettingError
from tfgan_survey.layers.conditioning import codes_given
from tfgan_survey.layers.sampling import latent_quantile, latents_from_seeds, random_latents
from tfgan_survey.models.walking import walk
from tfgan_survey.settings import check_whole, is_between


def check_truncation(truncation: float) -> None:
    """Refuse a factor on latents that is none.

    Args:
        truncation: what came.

    Raises:
        SettingError: not above 0 and at most 1.
    """
    if truncation != 1.0 and not is_between(truncation, 0.0, 1.0):
        raise SettingError(
            f"truncation={truncation}: expected above 0 and at most 1 (no truncation)."
        )


class SeedSampling(abc.ABC):
    """The sampling half of a model with a generator; mixed into a `TrainableModel`.

    Why:
        Here and on a server, in any batch, a sample depends on its own seed and label alone.

        The model has a `spec` (shapes, latent, condition), `truncation`, and `run_generator`; it
        takes its inputs' checks from `ImageInputs`. Labels are the condition's rows, of any kind.
    """

    @abc.abstractmethod
    def run_generator(self, latents, labels, training: bool = False) -> tf.Tensor:
        """Run the network that samples come from.

        Args:
            latents: float32 `(batch, latent_dim)`.
            labels: the condition's rows, checked, or None.
            training: whether it runs in training mode.

        Returns:
            Images `(batch, *image_shape)` in the spec's range.
        """

    # Traced when it is first asked for.
    _sampler = None

    @property
    def sampler(self) -> Callable:
        """`sample` as a graph, for rows of any number."""
        if self._sampler is None:
            self._sampler = tf.function(self.sample, reduce_retracing=True)
        return self._sampler

    def call(self, inputs, training: bool = False):
        """Map latents to images.

        Args:
            inputs: `latent` float32 `(batch, latent_dim)`, or `[latent, labels]` for a conditional
                model.
            training: whether the generator runs in training mode.

        Returns:
            float32 `(batch, *image_shape)` in [0, 1].

        Raises:
            ValueError: labels missing, too many, of a wrong dtype or out of range; in a graph,
                the last is an assertion of the graph, `tf.errors.InvalidArgumentError`.
        """
        latents, labels = self._latents_and_labels(inputs)
        if labels is not None:
            labels = self.spec.condition.checked(labels)
        return self._images(latents, labels, training)

    def predict_step(self, data) -> tf.Tensor:
        """Return the images of one batch of latents; see `predict`.

        Args:
            data: latents, or `(latents, labels)`.
        """
        inputs, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
        if self.spec.conditional and labels is not None:
            inputs = [inputs, labels]
        latents, labels = self._latents_and_labels(inputs)
        return self._images(latents, None if labels is None else self._recorded(labels))

    def _latents_and_labels(self, inputs):
        several = isinstance(inputs, list | tuple)
        if several and len(inputs) == 1:
            (inputs,), several = inputs, False
        condition = self.spec.condition
        if self.spec.conditional != (several and len(inputs) == 2):
            wanted = f"[latents, {condition.input_name}]" if condition else "latents alone"
            came = f"{len(inputs)} inputs" if several else "one input"
            raise ValueError(f"This model maps {wanted} to images; {came} came.")
        return inputs if several else (inputs, None)

    def _images(self, latents, labels, training: bool = False) -> tf.Tensor:
        return self.spec.to_unit(self.run_generator(latents, labels, training))

    def generate(
        self,
        num: int,
        labels: int | Sequence[int] | np.ndarray | None = None,
        seed: int | None = None,
        batch_size: int = 256,
    ) -> np.ndarray:
        """Sample images.

        Args:
            num: how many.
            labels: class ids, or the rows of another condition; image i gets `labels[i mod len]`.
                A model of classes without labels cycles through all of them.
            seed: image i is a function of seed `seed + i` (and its label) alone, here and on a
                server; None draws a fresh seed.
            batch_size: images per generator call.

        Returns:
            float32 `(num, *image_shape)` in [0, 1].

        Raises:
            ValueError: labels for an unconditional model, ids outside 0..num_classes-1, rows that
                are none of the condition, or no rows of a condition without a default.
        """
        check_whole("num", num)
        check_whole("batch_size", batch_size)
        ids = self.check_labels(num, labels)
        first = int(np.random.default_rng().integers(2**31)) if seed is None else seed
        first = check_whole("seed", first, smallest=-(2**63), largest=2**63 - num)
        seeds = first + np.arange(num, dtype=np.int64)
        chunks = []
        for start in range(0, num, batch_size):
            rows = slice(start, start + batch_size)
            label_rows = None if ids is None else tf.constant(ids[rows])
            chunks.append(self.sampler(tf.constant(seeds[rows]), label_rows).numpy())
        return np.concatenate(chunks)

    def sample(self, seeds: tf.Tensor, labels: tf.Tensor | None = None) -> tf.Tensor:
        """Map seeds to images; a row sees only its own seed and label.

        Args:
            seeds: integers `(batch,)`.
            labels: class ids `(batch,)` or other rows, for a conditional model.

        Returns:
            float32 `(batch, *image_shape)` in [0, 1].

        Raises:
            ValueError: as in `call`.
        """
        return self.from_latents(self.latents(seeds), labels)

    def from_latents(self, latents: tf.Tensor, labels: tf.Tensor | None = None) -> tf.Tensor:
        """Map latents to images, which is what the model's call does unless a kind has another.

        Args:
            latents: float32 `(batch, latent_dim)`.
            labels: the condition's rows, for a conditional model.

        Returns:
            float32 `(batch, *image_shape)` in [0, 1].

        Raises:
            ValueError: as in `call`.
        """
        return self(latents if labels is None else [latents, labels])

    def from_blend(self, latents: tf.Tensor, class_weights: tf.Tensor) -> tf.Tensor:
        """Map latents and mixtures of classes to images.

        Formula:
            G(z, w): where w is one-hot, the image of the class; else one of no class alone
        Args:
            latents: float32 `(batch, latent_dim)`.
            class_weights: float32 `(batch, num_classes)`, rows that sum to one.

        Returns:
            float32 `(batch, *image_shape)` in [0, 1].

        Raises:
            ValueError: the model has no classes, or no network that can be told a mixture.
        """
        made, taken = self._blended(latents, class_weights)
        if not taken:
            raise ValueError(
                f"{self.name} knows nothing between two classes: expected a model with classes "
                "whose networks see them as one-hot vectors (layers.conditioning.OneHotLabels)."
            )
        return made

    @property
    def blends(self) -> bool:
        """Whether there is a way between classes, see `from_blend`."""
        if self.spec.num_classes is None:
            return False
        latents = self.latents(tf.zeros((1,), tf.int64))
        return self._blended(latents, tf.one_hot([0], self.spec.num_classes))[1]

    def _blended(self, latents, class_weights) -> tuple[tf.Tensor, bool]:
        """Return images, and whether the mixtures were seen; labels beside them are of no use."""
        if self.spec.num_classes is None:
            return latents, False
        labels = tf.zeros(tf.shape(latents)[:1], tf.int32)
        with codes_given(tf.cast(class_weights, tf.float32)) as given:
            made = self.from_latents(latents, labels)
        return made, given.taken

    def walk(
        self,
        seeds: int | Sequence[int],
        labels: int | Sequence[int] | np.ndarray | None = None,
        frames: int = 24,
    ) -> np.ndarray:
        """Return images on the way from sample to sample, see `tfgan_survey.models.walking.walk`.

        Args:
            seeds: of the stations.
            labels: of the stations.
            frames: images in all.
        """
        return walk(self, seeds, labels, frames)

    def latents(self, seeds: tf.Tensor) -> tf.Tensor:
        """Return the latents that samples of these seeds come from.

        Args:
            seeds: integers `(batch,)`.

        Returns:
            float32 `(batch, latent_dim)`, truncated.

        Raises:
            ValueError: seeds that are no integers.
        """
        seeds = tf.convert_to_tensor(seeds)
        if not seeds.dtype.is_integer:
            raise ValueError(f"seeds are {seeds.dtype.name}; expected integers.")
        latents = latents_from_seeds(seeds, self.spec.latent_dim, self.spec.latent)
        middle = latent_quantile(self.spec.latent, 0.5)
        return middle + self.truncation * (latents - middle)

    @property
    def latent(self) -> str:
        """Distribution of these latents: one of `tfgan_survey.layers.sampling.LATENTS`, or another.

        A kind that overrides `latents` says so here.
        """
        return self.spec.latent

    def random_latents(self, real) -> tf.Tensor:
        """Draw one training latent for each row of `real`.

        Args:
            real: a batch of examples.
        """
        return random_latents(
            tf.shape(real)[0], self.spec.latent_dim, self.spec.latent, self.seed_generator
        )

    def sampling_signatures(self) -> dict[str, tuple[Callable, list[tf.TensorSpec]]]:
        """Return what an export of a model that samples answers, with the specs of its inputs.

        `serving_default` maps latents, `sample` seeds, `sample_png` seeds to pictures' bytes, and
        `latents` seeds to the latents of `sample`; all but the last take the condition's rows.
        `blend` maps latents and weights of the classes, for walks from class to class, where there
        is a way between them.
        """
        spec = self.spec
        labels = spec.condition_inputs()
        latent = tf.TensorSpec((None, spec.latent_dim), tf.float32, "latent")
        seeds = tf.TensorSpec((None,), tf.int64, "seeds")

        def generate(latent, labels=None):
            return {"images": self.from_latents(latent, labels)}

        def sample(seeds, labels=None):
            return {"images": self.sample(seeds, labels)}

        def sample_png(seeds, labels=None):
            pixels = tf.cast(tf.round(self.sample(seeds, labels) * 255.0), tf.uint8)
            encoded = tf.map_fn(tf.io.encode_png, pixels, fn_output_signature=tf.string)
            return {"image_bytes": encoded}

        def latents(seeds):
            return {"latent": self.latents(seeds)}

        found = {
            "serving_default": (generate, [latent, *labels]),
            "sample": (sample, [seeds, *labels]),
            "latents": (latents, [seeds]),
        }
        if self.blends:
            weights = tf.TensorSpec((None, spec.num_classes), tf.float32, "class_weights")

            def blend(latent, class_weights):
                return {"images": self.from_blend(latent, class_weights)}

            found["blend"] = (blend, [latent, weights])
        if len(spec.image_shape) == 3 and spec.image_shape[-1] in (1, 3):
            found["sample_png"] = (sample_png, [seeds, *labels])
        return found
