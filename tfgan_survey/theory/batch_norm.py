"""Why the survey's snippet cannot learn: batch norm on the scores."""

from __future__ import annotations

import numpy as np


def batch_norm_score_bound(shift: float | np.ndarray = 0.0) -> np.ndarray:
    """Return what d_loss cannot fall below once the scores are batch-normalised.

    Formula:
        d_loss >= softplus(b) + softplus(-b) >= log 4,   b the normalisation's shift (beta)

    Why:
        real and generated scores pass the normalisation in two batches, and each leaves it as
        s = gamma * (a - mean a) / std a + b: both batches have mean b, whatever the data and
        the layers below. softplus is convex, so by Jensen

            d_loss = mean softplus(-s_real) + mean softplus(s_fake)
                  >= softplus(-mean s_real) + softplus(mean s_fake)
                   = softplus(-b) + softplus(b)
                  >= 2 softplus(0) = log 4,

        the last again by Jensen, with equality at b = 0 alone. softplus is strictly convex,
        so the first is an equality exactly where all scores of a batch are equal: gamma = 0,
        or activations without spread. Minimising d_loss therefore drives gamma to 0 and D to
        1/2: the loss rests at 1.386 and the generator gets no gradient. On a joint batch of
        real and generated images the bound does not hold. In inference mode, with moving
        statistics, it does not either; training never uses that mode.

    Args:
        shift: b, a number or an array; the trained beta of the normalisation on the scores.

    Returns:
        float64 of the same shape, at least log 4 = 1.3863.

    Source:
        the survey's snippet, section 2.4.3 (`survey_gan_legacy`); Jensen 1906.
    """
    shift = np.asarray(shift, np.float64)
    return np.logaddexp(0.0, shift) + np.logaddexp(0.0, -shift)
