"""What every model shares: optimizers by name, one `train_step`, counters, faults, saving.

A kind of model adds its networks, its losses and who moves when; see `TrainableModel`.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from tfgan_survey.errors import NonFiniteLossError, SettingError
from tfgan_survey.layers.replicas import replica_count
from tfgan_survey.models import replication
from tfgan_survey.models.bookkeeping import LossMeans, watched
from tfgan_survey.models.saving import SavesItself
from tfgan_survey.registry import Axis
from tfgan_survey.settings import check_whole


class TrainableModel(SavesItself, keras.Model, abc.ABC):
    """A model of this package, of any kind: what it declares is all that the rooms above ask.

    Why:
        Compiling, training, resuming, the history's columns and exports work from these
        declarations, so that a new kind of model is its own file and edits no other.

        A subclass gives its networks as attributes, calls `_begin(seed)` at the end of its
        constructor, keeps every constructor argument as an attribute of the same name, and defines
        `moves`, `update` and `losses`. Attributes that hold networks or optimizers are found by
        Keras under their names when it saves; do not keep a network under two names in containers.

    Attributes:
        family: what settings call this kind of model.
        axes: along which its settings compose it, by name.
        optimizer_names: optimizers, in the order of `compile`'s arguments; `moves` says of what.
        log_names: the scalars that `update` and `losses` return, as history and curves call them.
        guarded_names: those of them that must be finite, in order of blame; None for all.
        counters: int64 counters that are saved, `self.<name>`; the first is the clock, advanced
            once a step, before `update`.
        logged_counters: counters among the logs.
        domains: how many sets of images it is trained on: 1, or 2 without pairs.
        abilities: of `sample`, `score`, `encode`, `reconstruct`, `translate`, `classify`: which
            methods of these names and which signatures there are.

    Example:
        >>> class Toy(TrainableModel):
        ...     optimizer_names = ("optimizer",)
        ...     log_names = ("loss",)
    """

    family: ClassVar[str]
    axes: ClassVar[Mapping[str, Axis]] = {}
    optimizer_names: ClassVar[tuple[str, ...]] = ("optimizer",)
    log_names: ClassVar[tuple[str, ...]] = ("loss",)
    guarded_names: ClassVar[tuple[str, ...] | None] = None
    counters: ClassVar[tuple[str, ...]] = ("steps",)
    logged_counters: ClassVar[tuple[str, ...]] = ()
    domains: ClassVar[int] = 1
    abilities: ClassVar[frozenset[str]] = frozenset()
    # Faults of the input, after those of the losses; name -> message for the input's range.
    input_faults: ClassVar[Mapping[str, Callable[[Any, float, float], str]]] = {}

    # ------------------------------------------------------------------ what a kind declares

    @classmethod
    def assemble(cls, **parts) -> TrainableModel:
        """Build the model from the parts that settings chose; a family may choose a subclass.

        Args:
            **parts: the constructor's arguments.
        """
        return cls(**parts)

    @property
    @abc.abstractmethod
    def spec(self) -> Any:
        """What its networks are built for: shape of an example, condition, range, latent."""

    def adapt(self, images: np.ndarray) -> None:
        """See the data once, before a new training; most models have nothing to take from them.

        Args:
            images: the training examples as the data set keeps them.
        """

    def start_from(self, other: TrainableModel) -> None:
        """Take the weights of a trained model over, before a new training.

        Args:
            other: the model, of this kind or of another that this kind can build on.

        Raises:
            SettingError: this kind takes none over, or the networks are of other shapes.
        """
        raise SettingError(f"start_from: a {self.family} takes no other model's weights over.")

    def conclude(self, images: np.ndarray, labels: np.ndarray | None = None) -> None:
        """See the data once more when a training is done; most models have nothing left to fit.

        Args:
            images: the training examples as the data set keeps them.
            labels: their labels, or the condition's rows; None without.
        """

    def rows_of(self, images: np.ndarray, labels: np.ndarray | None) -> np.ndarray | None:
        """Return the condition's rows that examples stand for; most kinds are told the labels.

        Args:
            images: examples as the data set keeps them.
            labels: what stands beside them there.
        """
        return labels

    def replica_obstacle(self) -> str | None:
        """Return why replicas cannot train it together, None where they end as one would."""
        return f"a {self.family} cannot be spread over replicas"

    @abc.abstractmethod
    def moves(self) -> dict[str, list[keras.Variable]]:
        """Return the variables that each optimizer moves, by the optimizer's name."""

    @abc.abstractmethod
    def update(self, data) -> dict[str, Any]:
        """Run one training step on a batch.

        Args:
            data: what the data set gives.

        Returns:
            Scalars for every one of `log_names`; `(scalar, weight)` where it may count 0.
        """

    @abc.abstractmethod
    def losses(self, data) -> dict[str, Any]:
        """Return the same scalars on held-out data; nothing moves, networks in inference mode.

        Args:
            data: what the data set gives.
        """

    @abc.abstractmethod
    def signatures(self) -> dict[str, tuple[Callable, list[tf.TensorSpec]]]:
        """Return what an export answers: name to a function of tensors, and their specs."""

    @abc.abstractmethod
    def exported_networks(self) -> list[keras.Model]:
        """Return the networks that the signatures read, which an export holds."""

    @abc.abstractmethod
    def export_facts(self) -> dict[str, Any]:
        """Return what a client must know about an export, for its card."""

    # ------------------------------------------------------------------ state

    @property
    def steps_done(self) -> int:
        """Training steps so far, by the model's clock, whatever its name."""
        return int(self._clock.numpy())

    def _begin(self, seed: int) -> None:
        """Make the random generator, the means, the counters; call it last in a constructor."""
        self.seed_generator = keras.random.SeedGenerator(check_whole("seed", seed, smallest=0))
        self.loss_means = LossMeans(self.log_names)
        # Saved with the model: a resumed run continues them.
        for name in (*self.counters, "epochs_seen"):
            setattr(self, name, self._state((), "int64", name))
        self._fault = self._state((2,), "int64", "fault")
        # Least and greatest of the input that was at fault; float64 holds every int32.
        self._fault_range = self._state((2,), "float64", "fault_range")
        self.built = True

    def _state(self, shape, dtype: str, name: str):
        return self.add_weight(
            shape=shape, initializer="zeros", dtype=dtype, trainable=False, name=name
        )

    @property
    def _clock(self):
        return getattr(self, self.counters[0])

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The metrics that Keras resets at the start of an epoch."""
        return [self.loss_means]

    @property
    def _replicas(self) -> float:
        # `optimizer.apply` sums gradients over replicas, so each replica's share is divided.
        return float(self.distribute_strategy.num_replicas_in_sync)

    # ------------------------------------------------------------------ compile

    def compile(
        self,
        *optimizers: keras.optimizers.Optimizer | str,
        jit_compile: bool | str = "auto",
        steps_per_execution: int | None = None,
        run_eagerly: bool = False,
        **named: keras.optimizers.Optimizer | str,
    ) -> None:
        """Choose the optimizers and how steps are run.

        Args:
            *optimizers: in the order of `optimizer_names`; Adam where one is left out. Each is an
                object of its own, since one optimizer would mix the moments of two losses.
            jit_compile: XLA; "auto" is on, except eagerly. Never under a distribution strategy of
                several replicas, whose sums TensorFlow refuses to compile on processors; it is on
                again where the saved model goes on alone.
            steps_per_execution: steps run in one call of the compiled function. Callbacks and the
                progress bar see one batch end for each such call, with running means of all steps.
                None is 16, or 1 eagerly. 1 to 2**31 - 1.
            run_eagerly: run step by step in Python, for debugging; one step per execution, one
                replica.
            **named: optimizers by name.

        Raises:
            TypeError: more optimizers than the model has, or one by another name.
            ValueError: two optimizers are one object, or an argument is none of the above.
        """
        chosen = self._chosen(optimizers, named)
        if jit_compile != "auto" and not isinstance(jit_compile, bool):
            raise SettingError(f"jit_compile={jit_compile!r}: expected True, False or 'auto'.")
        if steps_per_execution is not None:
            check_whole("steps_per_execution", steps_per_execution)
            if run_eagerly and steps_per_execution > 1:
                raise SettingError(
                    f"steps_per_execution={steps_per_execution}: run_eagerly=True runs one step "
                    "per execution; leave steps_per_execution out."
                )
        replicas = self.distribute_strategy.num_replicas_in_sync
        if replicas > 1 and run_eagerly:
            raise SettingError(
                f"run_eagerly=True under a strategy of {replicas} replicas, which would wait for "
                "each other step by step; debug on one."
            )
        if replicas > 1:
            replication.check(self, chosen)
        jit = replicas == 1 and (not run_eagerly if jit_compile == "auto" else bool(jit_compile))
        super().compile(
            optimizer=None,
            loss=None,
            run_eagerly=run_eagerly,
            jit_compile=jit,
            steps_per_execution=steps_per_execution or (1 if run_eagerly else 16),
        )
        self._compile_arguments = {
            "jit_compile": jit_compile,
            "steps_per_execution": steps_per_execution,
            "run_eagerly": run_eagerly,
        }
        moved = self.moves()
        for name, optimizer in chosen.items():
            setattr(self, name, optimizer)
            # Now, not at the first step: weights loaded into an unbuilt optimizer are dropped.
            optimizer.build(moved[name])
        if replicas > 1:
            replication.prepare(self, chosen)

    def _chosen(self, optimizers, named) -> dict[str, keras.optimizers.Optimizer]:
        names = self.optimizer_names
        given = dict(zip(names, optimizers, strict=False))
        wrong = [name for name in named if name not in names or name in given]
        if wrong or len(optimizers) > len(names):
            raise TypeError(
                f"compile takes the optimizers {', '.join(names)}, each once; "
                f"{len(optimizers)} came by place and {', '.join(named) or 'none'} by name."
            )
        given |= named
        chosen = {name: keras.optimizers.get(given.get(name, "adam")) for name in names}
        if len({id(optimizer) for optimizer in chosen.values()}) < len(chosen):
            raise ValueError(
                f"{' and '.join(names)} are one object; its moments would mix their losses. "
                f"Pass {len(names)} objects."
            )
        return chosen

    # ------------------------------------------------------------------ fit, evaluate, predict

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
            Keras' `History`; its keys are `log_names`, means over the epoch's steps, and
            `logged_counters`.

        Raises:
            NonFiniteLossError: a loss became NaN or infinite; names the loss and the step.
            ValueError: floats outside [0, 1] or NaN, labels outside 0..num_classes-1, another
                dtype or shape, sample weights. Values are seen inside the compiled step: those
                steps are done that shared an execution with the first wrong one.
        """
        data = x
        if isinstance(x, tf.data.Dataset):
            kwargs.setdefault("shuffle", False)  # the data set decides; Keras warns otherwise
        if (replicas := int(self._replicas)) > 1:
            if not isinstance(x, tf.data.Dataset):
                replication.check_batches(None, replicas)
            if kwargs.get("validation_data") is not None or kwargs.get("validation_split"):
                raise SettingError(
                    f"validation while {replicas} replicas train is not supported; evaluate the "
                    "saved model on one machine."
                )
            x = replication.distributed(self, x)
        return super().fit(x, y, *args, callbacks=watched(callbacks, data), **kwargs)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None) -> None:
        """Build nothing: all is built. Keras would average a batch of bytes over the replicas."""

    def make_train_function(self, force: bool = False) -> None:
        """Compile the steps; Keras calls it.

        Args:
            force: also where they are compiled already.
        """
        if self._replicas == 1:
            super().make_train_function(force)
        elif force or self.train_function is None:
            self.train_function = replication.train_function(self)

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
            Means over the steps, of networks in inference mode. Random numbers are those that the
            next training step would draw, so a second call gives the same.

        Raises:
            ValueError: as in `fit`.
        """
        # Within `fit` the callbacks are a list that watches already.
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = watched(callbacks)
        kept = [(variable, variable.numpy()) for variable in self._own_state().values()]
        try:
            return super().evaluate(x, y, *args, callbacks=callbacks, **kwargs)
        finally:
            for variable, value in kept:
                variable.assign(value)

    def predict(self, x, *args, callbacks=None, **kwargs) -> np.ndarray:
        """Map inputs as `call` does, batch by batch.

        Args:
            x: the inputs of `call` as arrays, or a data set of batches of them. For a generator:
                latents float32 `(n, latent_dim)`, or `[latents, labels]` for a conditional model
                (in a data set `(latents, labels)` will do).
            *args: as in `keras.Model.predict`.
            callbacks: as in `keras.Model.predict`.
            **kwargs: as in `keras.Model.predict`.

        Returns:
            The outputs of `call`, all rows; images float32 in [0, 1].

        Raises:
            ValueError: labels are missing, too many, or outside 0..num_classes-1.
        """
        return super().predict(x, *args, callbacks=watched(callbacks), **kwargs)

    def train_step(self, data) -> dict[str, tf.Tensor]:
        """Run one step: the clock, the kind's `update`, faults and logs.

        Args:
            data: what the data set gives.

        Returns:
            Running means of the logs, and the counters that are logged.
        """
        self._clock.assign_add(1)  # first, so that faults name the step in which they occur
        values, weights = self._pairs(self.update(data))
        if replica_count() > 1:
            values = replication.join(self, values)
        for name in self._guarded():
            self._record(tf.logical_not(tf.math.is_finite(values[name])), name)
        return self._log(values, weights)

    def test_step(self, data) -> dict[str, tf.Tensor]:
        """Return running means of the kind's `losses`.

        Args:
            data: what the data set gives.
        """
        return self._log(*self._pairs(self.losses(data)))

    def _pairs(self, logs: Mapping[str, Any]):
        """Split `{name: scalar or (scalar, weight)}` into values and weights by name."""
        one = tf.ones(())
        pairs = {
            name: logs[name] if isinstance(logs[name], tuple) else (logs[name], one)
            for name in self.log_names
        }
        values = {name: value for name, (value, _) in pairs.items()}
        return values, [weight for _, weight in pairs.values()]

    def _log(self, values, weights) -> dict[str, tf.Tensor]:
        self.loss_means.update_state(
            tf.stack([tf.cast(value, "float32") for value in values.values()]), tf.stack(weights)
        )
        # Copies: a variable itself cannot leave a step that runs eagerly.
        counted = {name: tf.identity(getattr(self, name).value) for name in self.logged_counters}
        return {**self.loss_means.result(), **counted}

    def scaled(self, optimizer: str, loss: tf.Tensor) -> tf.Tensor:
        """Return a loss as the optimizer wants it: this replica's share, scaled.

        Args:
            optimizer: its name.
            loss: scalar.
        """
        return getattr(self, optimizer).scale_loss(loss / self._replicas)

    def descend(
        self,
        optimizer: str,
        variables: Sequence[keras.Variable],
        compute: Callable[[], dict[str, Any]],
    ) -> dict[str, Any]:
        """Move variables down a loss, and nothing else.

        Args:
            optimizer: its name.
            variables: those that move; statistics of normalisations move as well.
            compute: returns the logs, of which `loss` is minimised.

        Returns:
            What `compute` returned.
        """
        with tf.GradientTape(watch_accessed_variables=False) as recorded:
            recorded.watch([variable.value for variable in variables])
            logs = compute()
            scaled = self.scaled(optimizer, logs["loss"])
        gradients = recorded.gradient(scaled, [variable.value for variable in variables])
        getattr(self, optimizer).apply(gradients, variables)
        return logs

    # ------------------------------------------------------------------ faults

    def _guarded(self) -> tuple[str, ...]:
        return self.log_names if self.guarded_names is None else self.guarded_names

    def _faults(self) -> tuple[str, ...]:
        """Return the faults that a step may record, in order of blame; index 0 is "none"."""
        return ("", *self._guarded(), *self.input_faults)

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
        fresh = tf.stack([tf.constant(self._faults().index(name), "int64"), self._clock.value])
        self._fault.assign(tf.where(first, fresh, known))

    def _raise_fault(self) -> None:
        """Raise what a step recorded, if anything."""
        code, step = (int(number) for number in self._fault.numpy())
        if code == 0:
            return
        name = self._faults()[code]
        if name in self.input_faults:
            raise ValueError(self.input_faults[name](self, *self._fault_range.numpy()))
        raise NonFiniteLossError(
            f"{name} became NaN or infinite at step {step}. The last checkpoint holds the state "
            "before it; lower the learning rate or change the objective."
        )
