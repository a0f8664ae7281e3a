"""Tags by vote: what a model that makes tags from features says of an image."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfgan_survey.conditions import Vector
from tfgan_survey.networks.specs import Spec
from tfgan_survey.settings import check_whole

VOTES = 100
"""Generated vectors an image, as published."""
_ROWS = 4096  # generated at once


def names_tags(model) -> bool:
    """Return whether a model makes tags by name from features.

    Args:
        model: a model of the package, of any family.
    """
    spec = model.spec
    able = "sample" in model.abilities and isinstance(spec, Spec)
    return able and bool(spec.vocabulary) and isinstance(spec.condition, Vector)


def tag_shares(model, features: np.ndarray, num_votes: int = VOTES, seed: int = 0) -> np.ndarray:
    """Return for every tag the share of generated vectors that have it.

    Formula:
        s[i, t] = mean_v x[i, v, t],  x[i, v] = G(z_v, features_i),  z_v of seed `seed + v`

    Why:
        A generator draws one set of tags at a time, from p(tags | features) if it has learnt that:
        the share of the draws that have a tag is the probability of the tag. A vector of numbers
        between 0 and 1 gives parts of votes. Every image is asked with the same seeds, so that
        what is said of it does not depend on the others.

    Args:
        model: a model that samples tags on features, see `names_tags`.
        features: float32 `(n, size)`.
        num_votes: vectors an image.
        seed: of the first latent.

    Returns:
        float32 `(n, number of tags)` in [0, 1].

    Raises:
        SettingError: `num_votes` below 1.
        ValueError: features that are none of the model's.

    Source:
        Mirza & Osindero 2014, arXiv:1411.1784, section 4.2: 100 samples an image, the 20 words
        nearest to each vector, and of these the 10 most common. Departure: the vectors are tags
        themselves, so each votes for what it has, and how many words are given is the caller's.
    """
    check_whole("num_votes", num_votes)
    features = model.spec.condition.typed(features)
    seeds = tf.range(seed, seed + num_votes, dtype=tf.int64)
    at_once = max(1, _ROWS // num_votes)
    shares = []
    for start in range(0, len(features), at_once):
        part = features[start : start + at_once]
        rows = tf.repeat(part, num_votes, axis=0)
        made = model.sampler(tf.tile(seeds, (len(part),)), rows)
        shares.append(tf.reduce_mean(tf.reshape(made, (len(part), num_votes, -1)), axis=1).numpy())
    return np.concatenate(shares)
