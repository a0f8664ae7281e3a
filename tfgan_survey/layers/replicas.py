"""One batch over several replicas: each computes its own rows, together they are one batch.

Everywhere but inside a strategy's replicas (`tf.distribute`) these functions change nothing: there
is one replica, and it has the whole batch.
"""

from __future__ import annotations

import keras
import tensorflow as tf


def replica_count() -> int:
    """Return over how many replicas the batch at hand is spread."""
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def own_rows(values: tf.Tensor, count: int) -> tf.Tensor:
    """Return this replica's rows of what was made for the whole batch.

    Formula:
        rows [r n, (r + 1) n) of the N n rows, r the replica's number, N the number of replicas

    Args:
        values: `(N n, ...)`.
        count: n, a whole number or a scalar tensor.

    Returns:
        `(n, ...)`.
    """
    number = tf.distribute.get_replica_context().replica_id_in_sync_group
    return values[number * count : (number + 1) * count]


def summed(values):
    """Return the sum of values over the replicas; its gradient is the sum of theirs.

    Args:
        values: a tensor, or several that travel together.
    """
    if replica_count() == 1:
        return values
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def gathered(values: tf.Tensor) -> tf.Tensor:
    """Return the values of all replicas, in their order.

    Args:
        values: of any shape, the same in every replica.

    Returns:
        `(N, *shape)`.
    """
    if (replicas := replica_count()) == 1:
        return values[None]
    # A sum of rows that are 0 elsewhere: TensorFlow's own gathering merges the replicas while the
    # step is traced, which no control flow around it allows. Not a product: 0 times NaN is NaN.
    number = tf.distribute.get_replica_context().replica_id_in_sync_group
    own = tf.reshape(tf.range(replicas) == number, [-1] + [1] * len(values.shape))
    return summed(tf.where(own, values, tf.zeros_like(values)))


def global_moments(values: tf.Tensor, axes) -> tuple[tf.Tensor, tf.Tensor]:
    """Return mean and variance over the whole batch, the gradients included.

    Formula:
        m = mean_r m_r;  v = mean_r (v_r + (m_r - m)^2)

    Why:
        The moments of each replica's rows about their own mean, not sums of squares, which cancel
        in float32. Three small messages a call, two forward and one back.

    Args:
        values: this replica's rows.
        axes: that are averaged over, the first among them.

    Returns:
        Mean and variance, without these axes.
    """
    mean, variance = tf.nn.moments(values, axes)
    if replica_count() == 1:
        return mean, variance
    replicas = replica_count()

    @tf.custom_gradient
    def joined(own_mean, own_variance):
        whole = summed(own_mean) / replicas
        spread = summed(own_variance + tf.square(own_mean - whole)) / replicas

        def gradients(of_mean, of_variance):
            of_mean, of_variance = tf.unstack(summed(tf.stack([of_mean, of_variance])))
            pull = 2.0 * of_variance * (own_mean - whole)
            return (of_mean + pull) / replicas, of_variance / replicas

        return (whole, spread), gradients

    return joined(mean, variance)


def synchronise(layer: keras.layers.BatchNormalization) -> None:
    """Let a batch normalisation see the whole batch, not only its replica's rows.

    Why:
        Keras' own `synchronized=True` takes the variance as a difference of squares, is saved with
        the layer, and changes what the layer computes on one machine.

    Args:
        layer: changed in place; nothing of it is saved.
    """

    def moments(inputs, mask=None):
        if mask is not None:
            raise ValueError(f"{layer.name}: masks are not spread over replicas; train without.")
        return global_moments(inputs, layer._reduction_axes)

    layer._moments = moments
