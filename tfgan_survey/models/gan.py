"""The two-player loop: one alternating `train_step` for every adversarial family."""

from __future__ import annotations

import contextlib
import numbers
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_survey.data.stream import set_epoch
from tfgan_survey.errors import NonFiniteLossError, SettingError
from tfgan_survey.layers.sampling import latent_quantile, latents_from_seeds, random_latents
from tfgan_survey.networks.pair import NetworkPair
from tfgan_survey.objectives.base import Objective
from tfgan_survey.regularizers.base import NoRegularizer, Regularizer
from tfgan_survey.settings import check_whole

# Faults found inside the compiled step, in order of blame; index 0 is "none".
_FAULTS = ("", "d_loss", "g_loss", "penalty", "range", "labels")
# How far floats may leave [0, 1] by rounding, in half precision or in resizing.
_SLACK = 1e-3
# Published warm-up of WGAN's code: 100 critic steps for the first 25 generator steps and for every
# 500th (Arjovsky et al. 2017, authors' implementation).
_WARM_UP_CRITIC, _WARM_UP_FIRST, _WARM_UP_EVERY = 100, 25, 500


@keras.saving.register_keras_serializable("tfgan_survey")
class LossMeans(keras.metrics.Metric):
    """Running means of the step's scalars, all in two vectors.

    Keras keeps only the last of several steps run in one execution; the means see every step. One
    metric of two vectors costs a third of five `Mean` metrics in a small model's step.
    """

    NAMES = ("d_loss", "g_loss", "penalty", "d_real", "d_fake")

    def __init__(self, name="loss_means", **kwargs):
        super().__init__(name=name, dtype="float32", **kwargs)
        self.totals = self.add_variable((len(self.NAMES),), "zeros", name="totals")
        self.counts = self.add_variable((len(self.NAMES),), "zeros", name="counts")

    def update_state(self, values, weights):
        """Add float32 vectors `(5,)`: the values and how much each counts (0 or 1)."""
        self.totals.assign_add(values * weights)
        self.counts.assign_add(weights)

    def result(self):
        """Return the means by name; 0 before the first value."""
        means = tf.math.divide_no_nan(self.totals.value, self.counts.value)
        return {name: means[index] for index, name in enumerate(self.NAMES)}


@keras.saving.register_keras_serializable("tfgan_survey")
class GAN(keras.Model):
    """A generator and a discriminator trained against each other.

    Formula:  every step, on one real minibatch: theta_D -= Adam(grad d_loss + penalty);
              on every `n_critic`-th step: theta_G -= Adam(grad g_loss)     (Algorithm 1)

    Why:      objective, regularizer and networks are injected, so every family in the survey is
              this class with other arguments. One call of `train_step` is one real minibatch and
              one discriminator update; a saved counter decides when the generator moves, so each
              critic update sees fresh data.

              Algorithm 1 draws fresh latents for the generator's update. By default this class
              does not: the generator moves on the latents of its step's discriminator update, so
              that where both move in every step, one generator pass serves both. The pass is
              exact, since the generator does not change in between, but it is a deviation: the
              discriminator has just moved against these very fakes. `fresh_latents=True` follows
              the paper.

    Args:
        pair: the two networks.
        objective: the two losses.
        regularizer: what holds the discriminator back; None for nothing.
        n_critic: discriminator updates for each generator update.
        critic_warm_up: WGAN's published schedule: 100 discriminator updates for each of the first
            25 generator updates and for every 500th.
        simultaneous: take both gradients at the same weights (the 2014 code) instead of moving the
            discriminator first; needs `n_critic=1`.
        fresh_latents: draw other latents for the generator's update than the discriminator's update
            of the same step had, as Algorithm 1 does; costs a second generator pass.
        ema: decay of an exponential moving average of the generator's weights, which `generate`
            then uses; None for no average. The decay of the n-th generator update is
            min(ema, (1 + n) / (10 + n)), so that the average forgets the start soon.
        truncation: factor on the latents' distance from their distribution's middle, in sampling,
            not in training; below 1 samples are more typical and less diverse (Brock et al. 2019,
            arXiv:1809.11096, section 3.1, for a uniform latent its interval shrunk). Latents that
            a caller gives are left alone.
        seed: the model's one seed: training latents, penalties, flips.

    Raises:
        ValueError: the parts do not fit, or an argument is outside its range; the message says
            which and why.

    Example:
        >>> gan = GAN(mlp((28, 28, 1)), NonSaturating())
        >>> gan.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
        >>> gan.fit(load("mnist", batch_size=128), epochs=3)
        >>> images = gan.generate(16, seed=0)

    Source: Goodfellow et al. 2014, arXiv:1406.2661, Algorithm 1; survey section 2.4.5.
    """

    def __init__(
        self,
        pair: NetworkPair,
        objective: Objective,
        regularizer: Regularizer | None = None,
        *,
        n_critic: int = 1,
        critic_warm_up: bool = False,
        simultaneous: bool = False,
        fresh_latents: bool = False,
        ema: float | None = None,
        truncation: float = 1.0,
        seed: int = 0,
        name: str | None = None,
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        _check(n_critic, simultaneous, critic_warm_up, fresh_latents, ema, truncation)
        check_whole("seed", seed, smallest=0)
        self.pair = pair
        self.objective = objective
        self.regularizer = regularizer or NoRegularizer()
        self.objective.validate(pair)
        self.regularizer.validate(pair)
        self.n_critic = n_critic
        self.critic_warm_up = critic_warm_up
        self.simultaneous = simultaneous
        self.fresh_latents = fresh_latents
        self.ema = ema
        self.truncation = truncation
        self.seed = seed

        self.generator = pair.generator
        self.discriminator = pair.discriminator
        self.ema_generator = None
        if ema is not None:
            self.ema_generator = keras.models.clone_model(pair.generator)
            self.ema_generator.set_weights(pair.generator.get_weights())
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.loss_means = LossMeans()
        # int64 counters, saved with the model: a resumed run continues them.
        self.d_updates = self._counter("d_updates")
        self.g_updates = self._counter("g_updates")
        self.critic_steps = self._counter("critic_steps")
        self.epochs_seen = self._counter("epochs_seen")
        self._fault = self.add_weight(
            shape=(2,), initializer="zeros", dtype="int64", trainable=False, name="fault"
        )
        # Least and greatest of the input that was at fault; float64 holds every int32.
        self._fault_range = self.add_weight(
            shape=(2,), initializer="zeros", dtype="float64", trainable=False, name="fault_range"
        )
        self._sampler = None
        self.built = True

    # ------------------------------------------------------------------ compile, save

    def compile(
        self,
        d_optimizer: keras.optimizers.Optimizer | str = "adam",
        g_optimizer: keras.optimizers.Optimizer | str = "adam",
        *,
        jit_compile: bool | str = "auto",
        steps_per_execution: int | None = None,
        run_eagerly: bool = False,
    ) -> None:
        """Choose the two optimizers and how steps are run.

        Args:
            d_optimizer: for the discriminator's loss.
            g_optimizer: for the generator's loss; a second object, since one optimizer would mix
                the moments of two losses.
            jit_compile: XLA; "auto" is on, except eagerly or under a distribution strategy of
                several replicas, which XLA does not support.
            steps_per_execution: steps run in one call of the compiled function. Callbacks and the
                progress bar see one batch end for each such call, with running means of all steps.
                None is 16, or 1 eagerly and under a strategy of several replicas, where
                Keras 3.15 cannot run more. 1 to 2**31 - 1.
            run_eagerly: run step by step in Python, for debugging; one step per execution.

        Raises:
            ValueError: both optimizers are one object, or an argument is none of the above.
        """
        if jit_compile != "auto" and not isinstance(jit_compile, bool):
            raise SettingError(f"jit_compile={jit_compile!r}: expected True, False or 'auto'.")
        if steps_per_execution is not None:
            check_whole("steps_per_execution", steps_per_execution)
            if run_eagerly and steps_per_execution > 1:
                raise SettingError(
                    f"steps_per_execution={steps_per_execution}: run_eagerly=True runs one step "
                    "per execution; leave steps_per_execution out."
                )
        d_optimizer = keras.optimizers.get(d_optimizer)
        g_optimizer = keras.optimizers.get(g_optimizer)
        if d_optimizer is g_optimizer:
            raise ValueError(
                "d_optimizer and g_optimizer are one object; its moments would mix two losses. "
                "Pass two."
            )
        replicas = self.distribute_strategy.num_replicas_in_sync
        jit = not run_eagerly and replicas == 1 if jit_compile == "auto" else bool(jit_compile)
        super().compile(
            optimizer=None,
            loss=None,
            run_eagerly=run_eagerly,
            jit_compile=jit,
            steps_per_execution=steps_per_execution or (1 if run_eagerly or replicas > 1 else 16),
        )
        self._compile_arguments = {
            "jit_compile": jit_compile,
            "steps_per_execution": steps_per_execution,
            "run_eagerly": run_eagerly,
        }
        self.d_optimizer = d_optimizer
        self.g_optimizer = g_optimizer
        # Built now, not at the first step: weights loaded into an unbuilt optimizer are dropped.
        d_optimizer.build(self.discriminator.trainable_variables)
        g_optimizer.build(self.generator.trainable_variables)

    def get_config(self) -> dict[str, Any]:
        """Return everything that `from_config` needs to build this GAN again."""
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "pair": serialize(self.pair),
            "objective": serialize(self.objective),
            "regularizer": serialize(self.regularizer),
            "n_critic": self.n_critic,
            "critic_warm_up": self.critic_warm_up,
            "simultaneous": self.simultaneous,
            "fresh_latents": self.fresh_latents,
            "ema": self.ema,
            "truncation": self.truncation,
            "seed": self.seed,
            "dtype": serialize(self.dtype_policy),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects=None) -> GAN:
        """Build the GAN from what `get_config` returned."""
        parts = {
            key: keras.saving.deserialize_keras_object(config[key])
            for key in ("pair", "objective", "regularizer", "dtype")
        }
        return cls(**{**config, **parts})

    def get_compile_config(self) -> dict[str, Any] | None:
        """Return the optimizers' configurations, which Keras would not save for this `compile`."""
        if not self.compiled:
            return None
        serialize = keras.saving.serialize_keras_object
        return {
            "d_optimizer": serialize(self.d_optimizer),
            "g_optimizer": serialize(self.g_optimizer),
            **self._compile_arguments,
        }

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as saved; builds both optimizers, so that their state can be loaded."""
        optimizers = {
            key: keras.saving.deserialize_keras_object(config[key])
            for key in ("d_optimizer", "g_optimizer")
        }
        self.compile(**{**config, **optimizers})

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Do nothing: the constructor builds all variables."""

    def save_own_variables(self, store) -> None:
        """Save the counters, and the state of every random generator, which Keras leaves out."""
        for name, variable in self._own_state().items():
            store[name] = variable.numpy()

    def load_own_variables(self, store) -> None:
        """Load what `save_own_variables` saved.

        Raises:
            ValueError: the file holds other variables than this model.
        """
        state = self._own_state()
        if set(store.keys()) != set(state):
            raise ValueError(
                f"The file holds {sorted(store.keys())} for this model, expected {sorted(state)}; "
                "it was saved by another composition or version."
            )
        for name, variable in state.items():
            variable.assign(store[name])

    def _own_state(self) -> dict[str, keras.Variable]:
        counters = (self.d_updates, self.g_updates, self.critic_steps, self.epochs_seen)
        metric = (self.loss_means.totals, self.loss_means.counts)
        generators = [
            generator for layer in self._flatten_layers() for generator in layer._seed_generators
        ]
        return {
            **{variable.name: variable for variable in (*counters, *metric)},
            **{f"random_{index}": item.state for index, item in enumerate(generators)},
        }

    # ------------------------------------------------------------------ fit

    def fit(self, x=None, y=None, *args, callbacks=None, **kwargs) -> keras.callbacks.History:
        """Train; `keras.Model.fit` with faults reported and epochs counted across runs.

        Args:
            x: a `tf.data.Dataset` of images or `(images, labels)`, or an array of images: uint8
                0..255 or floats of any width in [0, 1], which the step scales to the networks'
                range. Other integers and booleans are refused. Points are taken as they are.
            y: integer labels `(n,)` in 0..num_classes-1, where `x` is an array and the model
                conditional.
            *args: as in `keras.Model.fit`.
            callbacks: as in `keras.Model.fit`.
            **kwargs: as in `keras.Model.fit`.

        Returns:
            Keras' `History`; keys `d_loss` (without the penalty), `g_loss`, `penalty`, `d_real`,
            `d_fake` (mean probability of "real", or mean score where the objective has no
            probability), `d_updates`, `g_updates`. Losses are means over the epoch's steps.

        Raises:
            NonFiniteLossError: a loss became NaN or infinite; names the loss and the step.
            ValueError: floats outside [0, 1] or NaN, labels outside 0..num_classes-1, another
                dtype or shape, sample weights. Values are seen inside the compiled step: those
                steps are done that shared an execution with the first wrong one.
        """
        if isinstance(x, tf.data.Dataset):
            kwargs.setdefault("shuffle", False)  # the data set decides; Keras warns otherwise
        return super().fit(x, y, *args, callbacks=_watched(callbacks, x), **kwargs)

    def evaluate(self, x=None, y=None, *args, callbacks=None, **kwargs):
        """Return the losses on held-out data; the model is left bitwise as it was.

        Args:
            x: as in `fit`.
            y: as in `fit`.
            *args: as in `keras.Model.evaluate`.
            callbacks: as in `keras.Model.evaluate`.
            **kwargs: as in `keras.Model.evaluate`; with `return_dict=True` the losses by name,
                otherwise a list in the alphabetical order of the names.

        Returns:
            Means over the steps, of networks in inference mode. The latents are those that the
            next training step would draw, so a second call gives the same.

        Raises:
            ValueError: as in `fit`.
        """
        # Within `fit` the callbacks are a list that watches already.
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = _watched(callbacks)
        kept = [(variable, variable.numpy()) for variable in self._own_state().values()]
        try:
            return super().evaluate(x, y, *args, callbacks=callbacks, **kwargs)
        finally:
            for variable, value in kept:
                variable.assign(value)

    def predict(self, x, *args, callbacks=None, **kwargs) -> np.ndarray:
        """Map latents to images; `generate` and `sample` draw the latents themselves.

        Args:
            x: latents float32 `(n, latent_dim)`, or `[latents, labels]` for a conditional model;
                or a data set of batches of these (there `(latents, labels)` will do).
            *args: as in `keras.Model.predict`.
            callbacks: as in `keras.Model.predict`.
            **kwargs: as in `keras.Model.predict`.

        Returns:
            float32 `(n, *image_shape)` in [0, 1].

        Raises:
            ValueError: labels are missing, too many, or outside 0..num_classes-1.
        """
        return super().predict(x, *args, callbacks=_watched(callbacks), **kwargs)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The metrics that Keras resets at the start of an epoch."""
        return [self.loss_means]

    def train_step(self, data) -> dict[str, tf.Tensor]:
        """Run one discriminator update and, when it is due, one generator update.

        Args:
            data: images, or `(images, labels)`.

        Returns:
            Running means of the losses and both update counts.
        """
        self.d_updates.assign_add(1)  # first, so that faults name the step in which they occur
        real, labels = self._unpack(data)
        latents = self._random_latents(real)
        if self.simultaneous:
            d_logs, g_loss = self._simultaneous_update(real, labels, latents)
            g_moved = tf.ones(())
        elif self.n_critic == 1 and not self.critic_warm_up and not self.fresh_latents:
            d_logs, g_loss = self._shared_pass_update(real, labels, latents)
            g_moved = tf.ones(())
        else:
            with _statistics_kept(self.generator):
                fake = self.pair.generate(latents, labels, training=True)
            d_logs = self._update_discriminator(real, fake, labels)
            g_moved = self._generator_due()
            if self.fresh_latents:
                latents = self._random_latents(real)
            g_loss = tf.cond(
                g_moved > 0,
                lambda: self._update_generator(latents, labels),
                lambda: tf.zeros(()),
            )
        self.g_updates.assign_add(tf.cast(g_moved, "int64"))
        self._record_fault(d_logs["d_loss"], g_loss, d_logs["penalty"])
        return self._log(d_logs, g_loss, g_moved)

    def test_step(self, data) -> dict[str, tf.Tensor]:
        """Return the losses on held-out data with the networks in inference mode."""
        real, labels = self._unpack(data)
        latents = self._random_latents(real)
        fake = self.pair.generate(latents, labels)
        d_logs, fake_scores = self._discriminator_logs(real, fake, labels, training=False)
        return self._log(d_logs, self.objective.generator_loss(fake_scores), tf.ones(()))

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
            labels = self.checked_labels(labels)
        return self._images(latents, labels, training)

    def predict_step(self, data) -> tf.Tensor:
        """Return the images of one batch of latents; see `predict`."""
        inputs, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
        if self.pair.conditional and labels is not None:
            inputs = [inputs, labels]
        latents, labels = self._latents_and_labels(inputs)
        return self._images(latents, None if labels is None else self._recorded_labels(labels))

    def _latents_and_labels(self, inputs):
        several = isinstance(inputs, list | tuple)
        if several and len(inputs) == 1:
            (inputs,), several = inputs, False
        if self.pair.conditional != (several and len(inputs) == 2):
            wanted = "[latents, labels]" if self.pair.conditional else "latents alone"
            came = f"{len(inputs)} inputs" if several else "one input"
            raise ValueError(f"This GAN maps {wanted} to images; {came} came.")
        return inputs if several else (inputs, None)

    def _images(self, latents, labels, training: bool = False) -> tf.Tensor:
        made = self.pair.generate(latents, labels, training, self.sampling_generator)
        return self.pair.to_unit(made)

    # ------------------------------------------------------------------ sampling

    @property
    def sampling_generator(self) -> keras.Model:
        """The generator that samples come from: the weight average where there is one."""
        return self.generator if self.ema_generator is None else self.ema_generator

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
            labels: class ids; image i gets `labels[i mod len]`. A conditional model without labels
                cycles through all classes.
            seed: image i is a function of seed `seed + i` (and its label) alone, here and on a
                server; None draws a fresh seed.
            batch_size: images per generator call.

        Returns:
            float32 `(num, *image_shape)` in [0, 1].

        Raises:
            ValueError: labels for an unconditional model, or ids outside 0..num_classes-1.
        """
        check_whole("num", num)
        check_whole("batch_size", batch_size)
        ids = self.check_labels(num, labels)
        first = int(np.random.default_rng().integers(2**31)) if seed is None else seed
        first = check_whole("seed", first, smallest=-(2**63), largest=2**63 - num)
        seeds = first + np.arange(num, dtype=np.int64)
        if self._sampler is None:
            self._sampler = tf.function(self.sample, reduce_retracing=True)
        chunks = []
        for start in range(0, num, batch_size):
            rows = slice(start, start + batch_size)
            label_rows = None if ids is None else tf.constant(ids[rows])
            chunks.append(self._sampler(tf.constant(seeds[rows]), label_rows).numpy())
        return np.concatenate(chunks)

    def sample(self, seeds: tf.Tensor, labels: tf.Tensor | None = None) -> tf.Tensor:
        """Map seeds to images; a row sees only its own seed and label.

        Args:
            seeds: integers `(batch,)`.
            labels: class ids `(batch,)`, for a conditional model.

        Returns:
            float32 `(batch, *image_shape)` in [0, 1].

        Raises:
            ValueError: as in `call`.
        """
        latents = self.latents(seeds)
        return self(latents if labels is None else [latents, labels])

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
        latents = latents_from_seeds(seeds, self.pair.latent_dim, self.pair.latent)
        middle = latent_quantile(self.pair.latent, 0.5)
        return middle + self.truncation * (latents - middle)

    def check_labels(self, num: int, labels) -> np.ndarray | None:
        """Return int32 `(num,)`: labels repeated, all classes in turn for None; None without them.

        Raises:
            ValueError: labels for an unconditional model, or ids outside 0..num_classes-1.
        """
        classes = self.pair.num_classes
        if classes is None:
            if labels is not None:
                raise ValueError(
                    "This GAN was trained without labels; leave labels out, or train one with "
                    "num_classes set."
                )
            return None
        ids = np.arange(classes) if labels is None else np.atleast_1d(np.asarray(labels))
        if ids.ndim != 1 or ids.size == 0 or not np.issubdtype(ids.dtype, np.integer):
            raise ValueError(f"labels {labels!r}: expected one class id or a list of them.")
        if ids.min() < 0 or ids.max() >= classes:
            raise ValueError(f"labels {ids.min()}..{ids.max()}: expected 0 to {classes - 1}.")
        return np.resize(ids, num).astype(np.int32)

    def checked_labels(self, labels: tf.Tensor) -> tf.Tensor:
        """Return class ids as int32, known to be in range.

        Why:
            A label out of range would become a zero one-hot vector, and a grey picture, in
            silence. In a graph the check is an assertion that the labels depend on, so that an
            exported model refuses them wherever it is served.

        Args:
            labels: integers `(batch,)`.

        Returns:
            int32 `(batch,)`.

        Raises:
            ValueError: wrong dtype or rank; ids outside 0..num_classes-1.
            tf.errors.InvalidArgumentError: such ids, when the graph is run.
        """
        labels = self._integer_labels(labels)
        last = self.pair.num_classes - 1
        inside = tf.reduce_all((labels >= 0) & (labels <= tf.cast(last, labels.dtype)))
        if tf.executing_eagerly():
            if not inside:
                ids = labels.numpy()
                raise ValueError(f"labels {ids.min()}..{ids.max()}: expected 0 to {last}.")
            return tf.cast(labels, tf.int32)
        expected = f"labels: expected class ids 0 to {last}, these came:"
        check = tf.debugging.Assert(inside, [expected, labels], summarize=10)
        with tf.control_dependencies([check]):
            return tf.cast(tf.identity(labels), tf.int32)

    @staticmethod
    def _integer_labels(labels) -> tf.Tensor:
        labels = tf.convert_to_tensor(labels)
        if not labels.dtype.is_integer:
            raise ValueError(
                f"labels are {labels.dtype.name}; expected integer class ids: cast them, for "
                "example labels.astype('int32')."
            )
        if labels.shape.rank != 1:
            raise ValueError(
                f"labels have shape {tuple(labels.shape)}; expected one class id a row, (batch,)."
            )
        return labels

    # ------------------------------------------------------------------ one step, in parts

    def _shared_pass_update(self, real, labels, latents):
        """Move the discriminator, then the generator, on one generator pass."""
        with _tape(self.generator) as tape:
            fake = self.pair.generate(latents, labels, training=True)
            with tape.stop_recording():
                d_logs = self._update_discriminator(real, fake, labels)
            g_loss = self._generator_loss(fake, labels)
            scaled = self._scaled_g_loss(g_loss)
        self._apply_generator(tape.gradient(scaled, self.generator.trainable_variables))
        return d_logs, g_loss

    def _simultaneous_update(self, real, labels, latents):
        """Move both networks by gradients taken at the same weights, from the same pass."""
        with _tape(self.generator) as g_tape, _tape(self.discriminator) as d_tape:
            fake = self.pair.generate(latents, labels, training=True)
            d_logs, fake_scores = self._discriminator_logs(real, fake, labels, training=True)
            g_loss = self.objective.generator_loss(fake_scores)
            g_scaled = self._scaled_g_loss(g_loss)
            d_scaled = self._scaled_d_loss(d_logs)
        d_gradients = d_tape.gradient(d_scaled, self.discriminator.trainable_variables)
        g_gradients = g_tape.gradient(g_scaled, self.generator.trainable_variables)
        self._apply_discriminator(d_gradients)
        self._apply_generator(g_gradients)
        return d_logs, g_loss

    def _update_discriminator(self, real, fake, labels) -> dict[str, tf.Tensor]:
        with _tape(self.discriminator) as tape:
            d_logs, _ = self._discriminator_logs(
                real, tf.stop_gradient(fake), labels, training=True
            )
            scaled = self._scaled_d_loss(d_logs)
        self._apply_discriminator(tape.gradient(scaled, self.discriminator.trainable_variables))
        return d_logs

    def _update_generator(self, latents, labels) -> tf.Tensor:
        with _tape(self.generator) as tape:
            g_loss = self._generator_loss(
                self.pair.generate(latents, labels, training=True), labels
            )
            scaled = self._scaled_g_loss(g_loss)
        self._apply_generator(tape.gradient(scaled, self.generator.trainable_variables))
        return g_loss

    def _discriminator_logs(self, real, fake, labels, training: bool):
        """Score real and fake as separate batches: batch norm must not mix them."""

        def score(images):
            return self.pair.score(images, labels, training=training)

        real_scores, fake_scores = score(real), score(fake)
        images = (real, fake) if self.objective.needs_images else (None, None)
        d_loss = self.objective.discriminator_loss(
            real_scores, fake_scores, *images, seed=self.seed_generator
        )
        penalty = self.regularizer.penalty(score, real, fake, self.seed_generator)
        logs = {"d_loss": d_loss, "penalty": penalty}
        for key, scores in (("d_real", real_scores), ("d_fake", fake_scores)):
            probabilities = self.objective.probabilities(scores)
            logs[key] = tf.reduce_mean(scores if probabilities is None else probabilities)
        return logs, fake_scores

    def _generator_loss(self, fake, labels) -> tf.Tensor:
        # Batch statistics of the discriminator are collected in its own update, not in this one.
        with _statistics_kept(self.discriminator):
            return self.objective.generator_loss(self.pair.score(fake, labels, training=True))

    def _scaled_d_loss(self, d_logs) -> tf.Tensor:
        return self.d_optimizer.scale_loss((d_logs["d_loss"] + d_logs["penalty"]) / self._replicas)

    def _scaled_g_loss(self, g_loss) -> tf.Tensor:
        return self.g_optimizer.scale_loss(g_loss / self._replicas)

    def _apply_discriminator(self, gradients) -> None:
        self.d_optimizer.apply(gradients, self.discriminator.trainable_variables)
        self.regularizer.project(self.discriminator)

    def _apply_generator(self, gradients) -> None:
        self.g_optimizer.apply(gradients, self.generator.trainable_variables)
        if self.ema_generator is not None:
            done = tf.cast(self.g_updates.value, "float32")
            decay = tf.minimum(self.ema, (1.0 + done) / (10.0 + done))
            for average, value in zip(
                self.ema_generator.weights, self.generator.weights, strict=True
            ):
                average.assign(decay * average.value + (1.0 - decay) * value.value)

    def _generator_due(self) -> tf.Tensor:
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

    def _unpack(self, data):
        """Return images in the pair's range and labels, or None."""
        images, labels, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if sample_weight is not None:
            raise ValueError("Sample or class weights came; this model has no use for them.")
        if self.pair.conditional and labels is None:
            raise ValueError(
                "This GAN is conditional: it needs (images, labels), only images came."
            )
        if images.shape[1:] != self.pair.image_shape:
            raise ValueError(
                f"Images of shape {tuple(images.shape[1:])} came, the networks are built for "
                f"{self.pair.image_shape}; load the data with image_size=, add an axis of channels "
                "(images[..., None]), or build the pair anew."
            )
        scaled = self.pair.to_network(images)
        if images.dtype != tf.uint8 and self.pair.output_range is not None:
            low, high = self._float_range
            slack = _SLACK * (high - low)
            floats = tf.cast(images, tf.float32)
            # Written so that NaN, which is neither below nor above, is outside.
            inside = tf.reduce_all((floats >= low - slack) & (floats <= high + slack))
            self._record(tf.logical_not(inside), "range", floats)
        return scaled, self._recorded_labels(labels) if self.pair.conditional else None

    @property
    def _float_range(self) -> tuple[float, float]:
        """Where floats must lie: pictures in [0, 1], points in the networks' range."""
        return self.pair.output_range if self.pair.takes_points else (0.0, 1.0)

    def _recorded_labels(self, labels) -> tf.Tensor:
        """Return int32 labels; those out of range become a fault, for steps that XLA compiles."""
        labels = self._integer_labels(labels)
        classes = tf.cast(self.pair.num_classes, labels.dtype)
        outside = tf.reduce_any((labels < 0) | (labels >= classes))
        self._record(outside, "labels", labels)
        return tf.cast(labels, tf.int32)

    def _random_latents(self, real) -> tf.Tensor:
        """Draw one training latent for each row of `real`."""
        return random_latents(
            tf.shape(real)[0], self.pair.latent_dim, self.pair.latent, self.seed_generator
        )

    # ------------------------------------------------------------------ bookkeeping

    @property
    def _replicas(self) -> float:
        # `optimizer.apply` sums gradients over replicas, so each replica's share is divided.
        return float(self.distribute_strategy.num_replicas_in_sync)

    def _counter(self, name: str):
        return self.add_weight(
            shape=(), initializer="zeros", dtype="int64", trainable=False, name=name
        )

    def _record_fault(self, d_loss, g_loss, penalty) -> None:
        for name, value in (("d_loss", d_loss), ("g_loss", g_loss), ("penalty", penalty)):
            self._record(tf.logical_not(tf.math.is_finite(value)), name)

    def _record(self, happened: tf.Tensor, name: str, values: tf.Tensor | None = None) -> None:
        """Keep the first fault, its step and the range of `values`; `fit` reads it in between.

        An assertion inside the step would be dropped by XLA.
        """
        known = self._fault.value
        first = happened & (known[0] == 0)
        if values is not None:
            values = tf.cast(values, "float64")
            missing = tf.reduce_any(tf.math.is_nan(values))  # a minimum may leave NaN out
            seen = tf.stack([tf.reduce_min(values), tf.reduce_max(values)])
            seen = tf.where(missing, tf.constant(np.nan, "float64"), seen)
            self._fault_range.assign(tf.where(first, seen, self._fault_range.value))
        fresh = tf.stack([tf.constant(_FAULTS.index(name), "int64"), self.d_updates.value])
        self._fault.assign(tf.where(first, fresh, known))

    def _raise_fault(self) -> None:
        """Raise what a step recorded, if anything."""
        code, step = (int(number) for number in self._fault.numpy())
        low, high = self._fault_range.numpy()
        if code == 0:
            return
        if _FAULTS[code] == "range":
            raise ValueError(_outside(low, high, self._float_range))
        if _FAULTS[code] == "labels":
            raise ValueError(
                f"labels {low:.0f}..{high:.0f}: expected 0 to {self.pair.num_classes - 1}."
            )
        raise NonFiniteLossError(
            f"{_FAULTS[code]} became NaN or infinite at step {step}. The last checkpoint holds the "
            "state before it; lower the learning rate or change the objective."
        )

    def _log(self, d_logs, g_loss, g_moved) -> dict[str, tf.Tensor]:
        one = tf.ones(())
        values = (d_logs["d_loss"], g_loss, d_logs["penalty"], d_logs["d_real"], d_logs["d_fake"])
        self.loss_means.update_state(
            tf.stack([tf.cast(v, "float32") for v in values]),
            tf.stack([one, g_moved, one, one, one]),
        )
        return {
            **self.loss_means.result(),
            # Copies: a variable itself cannot leave a step that runs eagerly.
            "d_updates": tf.identity(self.d_updates.value),
            "g_updates": tf.identity(self.g_updates.value),
        }


@keras.saving.register_keras_serializable("tfgan_survey")
class ConditionalGAN(GAN):
    """A GAN whose two networks see class labels (Mirza & Osindero 2014, arXiv:1411.1784, Eq. 2).

    There is no second loop: labels are one path, and a pair built with `num_classes` is enough.
    This name checks that, for those who look for it.

    Raises:
        ValueError: the pair was built without `num_classes`.
    """

    def __init__(self, pair: NetworkPair, *args, **kwargs):
        if not pair.conditional:
            raise ValueError(
                "ConditionalGAN needs a pair with labels: pass num_classes to its builder."
            )
        super().__init__(pair, *args, **kwargs)


class _Watch(keras.callbacks.Callback):
    """Raise what the compiled step recorded, and keep data order in step with the model."""

    def __init__(self, data=None):
        super().__init__()
        self.data = data

    def on_train_begin(self, logs=None):
        self.model._fault.assign([0, 0])

    def on_epoch_begin(self, epoch, logs=None):
        set_epoch(self.data, int(self.model.epochs_seen.numpy()))

    def on_train_batch_end(self, batch, logs=None):
        self.model._raise_fault()

    on_test_begin = on_predict_begin = on_train_begin
    on_test_batch_end = on_predict_batch_end = on_train_batch_end

    def on_epoch_end(self, epoch, logs=None):
        self.model.epochs_seen.assign_add(1)


def _watched(callbacks, data=None):
    """Return the callbacks with a watch before them."""
    watch = _Watch(data)
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks.append(watch)
        return callbacks
    if callbacks is None or isinstance(callbacks, keras.callbacks.Callback):
        return [watch, *([callbacks] if callbacks else [])]
    return [watch, *callbacks]


def _outside(low: float, high: float, expected: tuple[float, float]) -> str:
    """Say which floats came in place of the expected ones, and what they probably are."""
    wanted = f"[{expected[0]:g}, {expected[1]:g}]"
    if np.isnan(low):
        return f"Floats with NaN came; expected {wanted}. Find where the data lose them."
    if expected != (0.0, 1.0):
        remedy = "Scale the points, or build networks with another output_range."
    elif low < -_SLACK:
        remedy = "Pixels in [-1, 1] become [0, 1] by (images + 1) / 2."
    else:
        remedy = (
            "Floats 0..255, as of image_dataset_from_directory, become [0, 1] by images / 255; or "
            "cast them to uint8."
        )
    return f"Floats from {low:g} to {high:g} came; expected {wanted}. {remedy}"


@contextlib.contextmanager
def _tape(network: keras.Model):
    """Record gradients of one network's weights only."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([variable.value for variable in network.trainable_variables])
        yield tape


@contextlib.contextmanager
def _statistics_kept(network: keras.Model):
    """Run a training-mode pass whose moving statistics are put back afterwards.

    One player's update then leaves the other bitwise unchanged, statistics included.
    """
    kept = [(variable, tf.identity(variable.value)) for variable in network.non_trainable_weights]
    yield
    for variable, value in kept:
        variable.assign(value)


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
    if ema is not None and not _between(ema, 0.0, 1.0):
        raise SettingError(f"ema={ema}: expected a decay between 0 and 1, or None.")
    if truncation != 1.0 and not _between(truncation, 0.0, 1.0):
        raise SettingError(
            f"truncation={truncation}: expected above 0 and at most 1 (no truncation)."
        )


def _between(value: float, low: float, high: float) -> bool:
    """Whether a real number lies strictly inside; NaN, text and True do not."""
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return real and low < value < high
