"""One training over several replicas: what a model must allow, and how its steps are run.

A replica is a device of one machine (`tf.distribute.MirroredStrategy`) or of several
(`tf.distribute.MultiWorkerMirroredStrategy`). Each has its own copy of every variable and its own
rows of the batch; gradients, statistics of batch norm and logs are summed over all of them, so that
the copies stay equal and are what one machine would have with the whole batch.
"""

from __future__ import annotations

import math

import keras
import tensorflow as tf

from tfgan_survey.errors import SettingError
from tfgan_survey.layers.packing import Pack
from tfgan_survey.layers.replicas import gathered, synchronise


def check(model, optimizers) -> None:
    """Refuse what replicas would not train as one.

    Args:
        model: a `TrainableModel` under a strategy of several replicas.
        optimizers: name to optimizer.

    Raises:
        SettingError: something of it cannot be spread over replicas; the message says what.
    """
    strategy = model.distribute_strategy
    if (obstacle := model.replica_obstacle()) is not None:
        replicas = strategy.num_replicas_in_sync
        raise SettingError(f"{obstacle}; train it without a strategy ({replicas} replicas here).")
    for variable in model.variables:
        if getattr(variable.value, "distribute_strategy", None) is not strategy:
            raise SettingError(
                f"variable {variable.path} was made outside the strategy's scope: build networks, "
                "model and optimizers inside `with strategy.scope():`."
            )
    for name, optimizer in optimizers.items():
        _check_optimizer(name, optimizer)


def prepare(model, optimizers) -> None:
    """Make a model that was checked and compiled ready for its replicas.

    Why:
        TensorFlow's merging of replicas while a step is traced allows no control flow around it:
        a generator that moves every fifth step, several steps an execution. Its other mode, sums
        by collective operations inside each replica, allows both; TensorFlow itself tests it on
        processors and has no public switch for it. In that mode nothing in a step may be merged,
        so each replica counts an optimizer's updates in its own copy, as it does all else.

    Args:
        model: a `TrainableModel` under a strategy of several replicas.
        optimizers: name to optimizer, built.
    """
    for optimizer in optimizers.values():
        optimizer.iterations.value._aggregation = tf.VariableAggregation.NONE
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            synchronise(layer)
    model.distribute_strategy.extended._use_merge_call = lambda: False


def _check_optimizer(name: str, optimizer: keras.optimizers.Optimizer) -> None:
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        raise SettingError(
            f"{name} scales its loss, each replica by its own gradients; train in float32 or "
            "bfloat16, which need no scale."
        )
    for option in ("clipnorm", "clipvalue", "global_clipnorm", "gradient_accumulation_steps"):
        if getattr(optimizer, option, None):
            raise SettingError(
                f"{name} has {option}={getattr(optimizer, option)}, which would see one replica's "
                "share of the gradient; train without it, or without a strategy."
            )


def check_batches(batch_size: int | None, replicas: int, model=None) -> None:
    """Refuse batches that replicas cannot share evenly: a mean over them would be another loss.

    Args:
        batch_size: rows in every batch; None where batches differ.
        replicas: how many share one.
        model: what they train; one whose discriminator sees several examples as one needs shares
            of whole packs.

    Raises:
        SettingError: uneven shares.
    """
    if batch_size is None:
        raise SettingError(
            f"The batches have no fixed size, so {replicas} replicas cannot know their shares: "
            "pass a tf.data.Dataset batched with drop_remainder=True."
        )
    layers = () if model is None or replicas == 1 else model._flatten_layers()
    packs = [layer.size for layer in layers if isinstance(layer, Pack)]
    if batch_size % (least := replicas * math.lcm(*packs)):
        packed = f" and packs of {math.lcm(*packs)}" if packs else ""
        raise SettingError(
            f"batch_size {batch_size} over {replicas} replicas{packed}: expected a multiple of "
            f"{least}."
        )


def distributed(model, dataset: tf.data.Dataset):
    """Return a dataset of batches as the replicas of a model's strategy take it.

    Args:
        model: under a strategy of several replicas.
        dataset: batches of all replicas; or, with `auto_shard_policy` OFF in its options as
            `stream(share=...)` sets it, of the replicas of this process alone.

    Raises:
        SettingError: batches of uneven shares.
    """
    strategy = model.distribute_strategy
    size = tf.nest.flatten(dataset.element_spec)[0].shape[0]
    policy = dataset.options().experimental_distribute.auto_shard_policy
    replicas = strategy.num_replicas_in_sync
    local = len(strategy.extended.worker_devices)
    if policy != tf.data.experimental.AutoShardPolicy.OFF or local == replicas:
        check_batches(size, replicas, model)
        return strategy.experimental_distribute_dataset(dataset)
    check_batches(size and size * replicas // local, replicas, model)
    own = dataset if local == 1 else dataset.rebatch(size // local, drop_remainder=True)
    return strategy.distribute_datasets_from_function(lambda context: own)


def join(model, values: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Return the logs of the whole batch; a fault of one replica becomes one of all.

    Args:
        model: the model, inside a step.
        values: this replica's logs, means over its rows.
    """
    names = list(values)
    own = [tf.cast(values[name], "float64") for name in names]
    code, step = tf.unstack(model._fault.value)
    seen = tf.unstack(model._fault_range.value)
    rows = gathered(tf.stack([*own, tf.cast(code, "float64"), *seen]))
    first = rows[tf.argmax(tf.cast(rows[:, -3] > 0, "int32"))]
    found = tf.cast(first[-3], "int64")
    now = tf.where(found > 0, model._clock.value, tf.zeros_like(step))
    model._fault.assign(tf.stack([found, tf.where(code > 0, step, now)]))
    model._fault_range.assign(first[-2:])
    means = tf.reduce_mean(rows[:, : len(names)], axis=0)
    return {name: tf.cast(means[i], values[name].dtype) for i, name in enumerate(names)}


def train_function(model):
    """Return what `fit` calls with its iterator: some steps, then the logs.

    Why:
        Keras' own would average the logs over the workers once more, two messages for each of
        them in every step; the steps have joined them already.

    Args:
        model: compiled, under a strategy of several replicas.
    """
    strategy, several = model.distribute_strategy, model.steps_per_execution

    @tf.autograph.experimental.do_not_convert
    def one(data):
        strategy.run(model.train_step, args=(data,))

    @tf.function(reduce_retracing=True)
    @tf.autograph.experimental.do_not_convert
    def run(iterator):
        if several == 1:
            one(iterator.get_next())
            return

        def more(done, batch):
            return (done < several) & batch.has_value()

        def body(done, batch):
            one(batch.get_value())
            # Not one batch more than is used: the next call begins with it.
            follows = tf.cond(done + 1 < several, iterator.get_next_as_optional, lambda: batch)
            return done + 1, follows

        tf.while_loop(more, body, [tf.constant(0), iterator.get_next_as_optional()])

    def function(iterator):
        run(iterator)
        counted = {name: getattr(model, name).numpy() for name in model.logged_counters}
        return {**model.loss_means.result(), **counted}

    return function
