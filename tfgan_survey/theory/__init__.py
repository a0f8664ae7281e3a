"""What the papers prove, as functions: closed forms for tests and figures, and small trainings.

`distances`, `game`, `generator_gradients`, `convergence` and `batch_norm` are numpy alone.
`gaussian_fit` and `toy` train real, small GANs of this package and import TensorFlow; importing
this package does not (PEP 562).
"""

from __future__ import annotations

from tfgan_survey.lazy import attach

_MODULES = {
    "batch_norm_score_bound": "batch_norm",
    "convergence_bound": "convergence",
    "descend": "convergence",
    "cells": "distances",
    "jensen_shannon": "distances",
    "kl_divergence": "distances",
    "parallel_lines": "distances",
    "total_variation": "distances",
    "wasserstein_distance": "distances",
    "game_value": "game",
    "generator_value": "game",
    "optimal_discriminator": "game",
    "log_d_gradients": "generator_gradients",
    "score_gradients": "generator_gradients",
    "best_gaussian": "gaussian_fit",
    "gaussian_divergence": "gaussian_fit",
    "paper_mixture": "gaussian_fit",
    "train_gaussian": "gaussian_fit",
    "hold_still": "toy",
    "linear_pair": "toy",
    "points_gan": "toy",
    "train_recorded": "toy",
}
__getattr__, __dir__, __all__ = attach(__name__, _MODULES)
