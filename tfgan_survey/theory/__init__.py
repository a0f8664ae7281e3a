"""What the papers prove, as functions: closed forms for tests and figures.

All but `gaussian_fit` are numpy alone; that one integrates the package's own f-divergences and
imports TensorFlow, importing this package does not (PEP 562). The small trainings held against
them are in `benchmarks/theory_trainings.py`.
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
}
__getattr__, __dir__, __all__ = attach(__name__, _MODULES)
