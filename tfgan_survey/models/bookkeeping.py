"""What is counted and watched beside the updates: means of the logs, faults, epochs."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfgan_survey.data.stream import set_epoch


@keras.saving.register_keras_serializable("tfgan_survey")
class LossMeans(keras.metrics.Metric):
    """Running means of the step's scalars, all in two vectors.

    Why:
        Keras keeps only the last of several steps run in one execution; the means see every step.
        One metric of two vectors costs a third of five `Mean` metrics in a small model's step.

    Args:
        names: what the scalars are called, in order.
        name: of the metric.
        **kwargs: as in `keras.metrics.Metric`.
    """

    def __init__(self, names, name="loss_means", **kwargs):
        super().__init__(name=name, dtype="float32", **kwargs)
        self.names = tuple(names)
        # Of several replicas each adds what is the same for all, to its own copy.
        size, kind = (
            (len(self.names),),
            {"initializer": "zeros", "aggregation": "only_first_replica"},
        )
        self.totals = self.add_variable(size, **kind, name="totals")
        self.counts = self.add_variable(size, **kind, name="counts")

    def update_state(self, values, weights):
        """Add one step's scalars.

        Args:
            values: float32 `(len(names),)`.
            weights: float32 `(len(names),)`, how much each counts (0 or 1).
        """
        self.totals.assign_add(values * weights)
        self.counts.assign_add(weights)

    def result(self):
        """Return the means by name; 0 before the first value."""
        means = tf.math.divide_no_nan(self.totals.value, self.counts.value)
        return {name: means[index] for index, name in enumerate(self.names)}


class Watch(keras.callbacks.Callback):
    """Raise what the compiled step recorded, and keep data order in step with the model.

    Args:
        data: what `fit` was given; None where nothing trains.
    """

    def __init__(self, data=None):
        super().__init__()
        self.data = data

    def on_train_begin(self, logs=None):
        """Forget the faults of an earlier run."""
        self.model._fault.assign([0, 0])

    def on_epoch_begin(self, epoch, logs=None):
        """Tell the data which epoch begins."""
        set_epoch(self.data, int(self.model.epochs_seen.numpy()))

    def on_train_batch_end(self, batch, logs=None):
        """Raise the first fault, if there is one."""
        self.model._raise_fault()

    on_test_begin = on_predict_begin = on_train_begin
    on_test_batch_end = on_predict_batch_end = on_train_batch_end

    def on_epoch_end(self, epoch, logs=None):
        """Count the epoch."""
        self.model.epochs_seen.assign_add(1)


def watched(callbacks, data=None):
    """Return callbacks with a watch before them.

    Args:
        callbacks: as Keras takes them: None, one, several, or a `CallbackList`.
        data: what `fit` was given.
    """
    watch = Watch(data)
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks.append(watch)
        return callbacks
    if callbacks is None or isinstance(callbacks, keras.callbacks.Callback):
        return [watch, *([callbacks] if callbacks else [])]
    return [watch, *callbacks]
