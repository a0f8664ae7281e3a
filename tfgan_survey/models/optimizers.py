"""Optimizers by name, as functions whose keyword parameters are settings."""

from __future__ import annotations

import keras

from tfgan_survey.registry import Registry


def adam(
    learning_rate: float = 1e-3, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7
) -> keras.optimizers.Optimizer:
    """Return a new Adam (Kingma & Ba 2015, arXiv:1412.6980)."""
    return keras.optimizers.Adam(learning_rate, beta_1, beta_2, epsilon)


OPTIMIZERS = Registry("optimizer", {"adam": adam})
