"""Optimizers by name, and the 2014 schedules of learning rate and momentum.

Each function returns a new optimizer: the two players must not share one.
"""

from __future__ import annotations

import math
from typing import Annotated

import keras
from annotated_types import Ge, Lt
from keras import ops

from tfgan_survey.errors import SettingError
from tfgan_survey.registry import BelowOne, Count, NotNegative, Positive, Registry, checked

Updates = Annotated[int, Ge(0), Lt(2**31)]
# The rate is divided by it at each update.
Divisor = Annotated[float, Ge(1)]


@checked
def adam(
    learning_rate: Positive = 1e-3,
    beta_1: BelowOne = 0.9,
    beta_2: BelowOne = 0.999,
    epsilon: Positive = 1e-8,
    decay: Divisor = 1.0,
    learning_rate_floor: NotNegative = 1e-6,
    falls_from: Updates | None = None,
    falls_until: Updates | None = None,
) -> keras.optimizers.Optimizer:
    """Return a new Adam; the defaults are those of `tf.train.AdamOptimizer()` in the snippet.

    Formula:
        rate(t) = max(learning_rate / decay^t, learning_rate_floor), or
        rate(t) = learning_rate min(1, (falls_until - t) / (falls_until - falls_from)), at least 0

    Args:
        learning_rate: step size; 2e-4 in DCGAN.
        beta_1: decay of the first moment; 0.5 in DCGAN, 0 in WGAN-GP.
        beta_2: decay of the second moment; 0.9 in WGAN-GP.
        epsilon: added to the root; Keras' own default is 1e-7.
        decay: divisor of the rate at each update, as in `sgd`; 1 keeps the rate.
        learning_rate_floor: the rate does not fall below it.
        falls_from: update from which the rate falls in a straight line; None for no such line.
        falls_until: update from which it is 0.

    Raises:
        ValueError: a decay below 1, a line without its other end or beside a decay.

    Source:
        Kingma & Ba 2015, arXiv:1412.6980; the line: Zhu et al. 2017, arXiv:1703.10593, section 4.
    """
    if falls_from is not None or falls_until is not None:
        backwards = falls_from is None or falls_until is None or falls_until <= falls_from
        if backwards or decay != 1.0:
            raise SettingError(
                f"falls_from={falls_from}, falls_until={falls_until}, decay={decay}: the rate "
                "falls in a line from one update to a later one, with decay=1."
            )
        line = LinearFall(learning_rate, falls_from, falls_until)
        return keras.optimizers.Adam(line, beta_1, beta_2, epsilon)
    rate = _rate(learning_rate, decay, learning_rate_floor)
    return keras.optimizers.Adam(rate, beta_1, beta_2, epsilon)


@checked
def rmsprop(
    learning_rate: Positive = 5e-5,
    rho: BelowOne = 0.99,
    epsilon: Positive = 1e-8,
) -> keras.optimizers.Optimizer:
    """Return a new RMSProp; the rate is WGAN's, the rest its code's library's defaults.

    Args:
        learning_rate: step size.
        rho: decay of the mean square.
        epsilon: keeps the root of the mean square away from 0. Keras adds its epsilon below the
            root, so it gets the square: 1e-8 below the root would be 1e-4 beside it, far above the
            gradients of a critic whose weights are clipped at 0.01.

    Source:
        Arjovsky et al. 2017, arXiv:1701.07875, Algorithm 1.
    """
    return keras.optimizers.RMSprop(learning_rate, rho, epsilon=epsilon**2)


@checked
def sgd(
    learning_rate: Positive = 0.1,
    decay: Divisor = 1.0,
    learning_rate_floor: NotNegative = 1e-6,
    momentum: BelowOne = 0.0,
    final_momentum: BelowOne | None = None,
    momentum_updates: Count = 125_000,
) -> keras.optimizers.Optimizer:
    """Return a new stochastic gradient descent with the 2014 schedules.

    Formula:
        rate(t) = max(learning_rate / decay^t, learning_rate_floor)
        m(t) = momentum + (final_momentum - momentum) min(t / momentum_updates, 1)
        v <- m(t) v - rate(t) grad,   w <- w + v        t = 0, 1, ... updates

    Args:
        learning_rate: at the start; 0.1 in 2014.
        decay: divisor of the rate at each update; 1.000004 in 2014, 1.00004 in the CGAN paper.
        learning_rate_floor: the rate falls no further.
        momentum: at the start; 0.5 in 2014.
        final_momentum: at the end of the ramp; 0.7 in 2014. None keeps `momentum`.
        momentum_updates: length of the ramp; 125,000 are 250 epochs of 500 batches.

    Raises:
        ValueError: a decay below 1, or a momentum outside [0, 1].

    Source:
        Goodfellow et al. 2014, arXiv:1406.2661, code's mnist.yaml. Departure: the ramp rises with
        every update, the code's once an epoch.
    """
    rate = _rate(learning_rate, decay, learning_rate_floor)
    return RampedSGD(rate, momentum, final_momentum, momentum_updates)


def _rate(learning_rate: float, decay: float, floor: float):
    return learning_rate if decay == 1.0 else DividedRate(learning_rate, decay, floor)


OPTIMIZERS = Registry("optimizer", {"adam": adam, "rmsprop": rmsprop, "sgd": sgd})


@keras.saving.register_keras_serializable("tfgan_survey")
class DividedRate(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate divided by a constant at every update, down to a floor.

    Formula:
        rate(t) = max(start / decay^t, floor)

    Why:
        the logarithm of the decay is taken in double precision: float32 rounds 1.000004 by
        1 %, which 100,000 updates would turn into a visible error.

    Args:
        start: rate of the first update, above 0.
        decay: divisor of every update, at least 1.
        floor: smallest rate.
    """

    def __init__(self, start: float, decay: float, floor: float):
        self.start, self.decay, self.floor = start, decay, floor

    def __call__(self, step):
        """Return the float32 rate of update number `step`."""
        step = ops.cast(step, "float32")
        return ops.maximum(self.start * ops.exp(-math.log(self.decay) * step), self.floor)

    def get_config(self):
        """Return the constructor's arguments."""
        return {"start": self.start, "decay": self.decay, "floor": self.floor}


@keras.saving.register_keras_serializable("tfgan_survey")
class LinearFall(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that is constant at first and then falls to 0 in a straight line.

    Formula:
        rate(t) = start max(0, min(1, (until - t) / (until - since)))

    Args:
        start: rate of the first update, above 0.
        since: last update with that rate.
        until: first update with a rate of 0.
    """

    def __init__(self, start: float, since: int, until: int):
        self.start, self.since, self.until = start, since, until

    def __call__(self, step):
        """Return the float32 rate of update number `step`."""
        left = ops.cast(self.until - ops.cast(step, "int64"), "float32")
        return self.start * ops.clip(left / (self.until - self.since), 0.0, 1.0)

    def get_config(self):
        """Return the constructor's arguments."""
        return {"start": self.start, "since": self.since, "until": self.until}


@keras.saving.register_keras_serializable("tfgan_survey")
class RampedSGD(keras.optimizers.SGD):
    """SGD whose momentum changes linearly over the first updates.

    Why:
        Keras' SGD keeps its momentum as a Python float, which is frozen when the step is
        compiled. Here it is computed in the step from the saved count of updates.

    Args:
        learning_rate: a float or a schedule.
        momentum: at update 0.
        final_momentum: from update `momentum_updates` on; None keeps `momentum`.
        momentum_updates: length of the ramp.
        name: Keras' name.
        **kwargs: of `keras.optimizers.SGD`, except `nesterov`.

    Raises:
        ValueError: a momentum outside [0, 1], or a ramp of no updates.
    """

    def __init__(
        self,
        learning_rate=0.1,
        momentum: float = 0.0,
        final_momentum: float | None = None,
        momentum_updates: int = 125_000,
        name: str = "ramped_sgd",
        **kwargs,
    ):
        kwargs.pop("nesterov", None)  # in the base's configuration; always off here
        super().__init__(learning_rate, float(momentum), name=name, **kwargs)
        if final_momentum is not None and not 0.0 <= final_momentum <= 1.0:
            raise ValueError(f"final_momentum={final_momentum}: expected 0 to 1.")
        if momentum_updates < 1:
            raise ValueError(f"momentum_updates={momentum_updates}: expected at least 1.")
        self.final_momentum = final_momentum
        self.momentum_updates = momentum_updates

    def build(self, variables):
        """Create one velocity a variable; also where the ramp starts from no momentum."""
        if self.built:
            return
        super().build(variables)
        if not self.momentums:
            self.momentums = self.add_optimizer_variables(variables, "momentum")

    def current_momentum(self):
        """Return m(t) for the update that is under way, a float32 scalar."""
        final = self.momentum if self.final_momentum is None else self.final_momentum
        share = ops.minimum(ops.cast(self.iterations, "float32") / self.momentum_updates, 1.0)
        return self.momentum + (final - self.momentum) * share

    def update_step(self, gradient, variable, learning_rate):
        """Move the velocity, then the variable."""
        learning_rate = ops.cast(learning_rate, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        momentum = ops.cast(self.current_momentum(), variable.dtype)
        velocity = self.momentums[self._get_variable_index(variable)]
        self.assign(velocity, velocity * momentum - gradient * learning_rate)
        self.assign_add(variable, velocity)

    def get_config(self):
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "final_momentum": self.final_momentum,
            "momentum_updates": self.momentum_updates,
        }
