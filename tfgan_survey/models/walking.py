"""Walks: images on the way from one sample to the next, between latents and between classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfgan_survey.errors import RunError
from tfgan_survey.settings import check_whole

_AT_ONCE = 256


def between(first: np.ndarray, last: np.ndarray, shares: np.ndarray, spherical: bool) -> np.ndarray:
    """Return latents at shares of the way from `first` to `last`.

    Formula:
        linear: (1 - t) a + t b;
        spherical: (sin((1 - t) w) a + sin(t w) b) / sin w,  w = angle between a and b
    Why:
        Normal latents of many dimensions lie near a sphere, and the middle of a straight line
        is nearer to the origin than any of them; uniform latents fill a cube, which is
        convex.

    Args:
        first: float `(latent_dim,)`.
        last: float `(latent_dim,)`.
        shares: t of each latent, `(n,)`, in [0, 1].
        spherical: which of the two.

    Returns:
        float32 `(n, latent_dim)`.

    Source:
        White 2016, arXiv:1609.04468, section 2.1; Shoemake 1985.
    """
    a, b = np.asarray(first, np.float64), np.asarray(last, np.float64)
    t = np.asarray(shares, np.float64)[:, None]
    weights = 1 - t, t
    if spherical:
        cosine = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
        angle = np.arccos(np.clip(cosine, -1, 1))
        # Of parallel latents the straight line is the sphere's arc, or there are many arcs.
        if np.sin(angle) > 1e-6:
            weights = np.sin((1 - t) * angle) / np.sin(angle), np.sin(t * angle) / np.sin(angle)
    return (weights[0] * a + weights[1] * b).astype(np.float32)


def walk(
    model,
    seeds: int | Sequence[int],
    labels: int | Sequence[int] | np.ndarray | None = None,
    frames: int = 24,
) -> np.ndarray:
    """Return images on the way from sample to sample.

    Formula:
        station i is the sample of seed `seeds[i mod len]` and label `labels[i mod len]`; there are
        as many stations as the longer list has. Between two of them the latent goes along the
        sphere where latents are normal, else in a straight line, and the class in a straight line
        between the one-hot vectors (the rows themselves of another condition).
    Why:
        A generator that learnt its data by heart jumps from one example to the next; one that
        learnt the distribution makes something plausible everywhere on the way.

    Args:
        model: a model that can sample.
        seeds: one integer or several.
        labels: one class id or several, or rows of another condition; None for all classes in turn,
            as in `generate`, or where there is no condition.
        frames: images in all, evenly spaced, the first and the last station included; at least as
            many as there are stations. Every station is met where the ways between them divide
            `frames - 1`.

    Returns:
        float32 `(frames, *image_shape)` in [0, 1].

    Raises:
        RunError: the model cannot sample.
        ValueError: fewer than two stations, or fewer frames than stations; labels as `generate`
            refuses them; several classes, and a model that knows nothing between them.

    Example:
        >>> walk(gan, seeds=[0, 1], labels=7)         # two sevens
        >>> walk(gan, seeds=0, labels=[3, 8])         # one latent, from a three to an eight

    Source:
        Radford et al. 2016, arXiv:1511.06434, section 6.1, walking in the latent space.
    """
    require_samples(model)
    seeds = np.atleast_1d(np.asarray(seeds))
    if seeds.ndim != 1 or not np.issubdtype(seeds.dtype, np.integer):
        raise ValueError(f"seeds {seeds.tolist()}: expected one integer or a list of them.")
    stations = max(len(seeds), _count(model, labels))
    if stations < 2:
        raise ValueError("a walk leads from one station to another: give two seeds or two labels.")
    check_whole("frames", frames, smallest=stations)
    rows = model.check_labels(stations, labels)
    latents = model.latents(tf.constant(np.resize(seeds, stations), tf.int64)).numpy()
    at = np.linspace(0.0, stations - 1, frames)
    start = np.minimum(at.astype(int), stations - 2)
    shares = at - start
    legs = range(stations - 1)
    spherical = model.latent == "normal"
    ways = [between(latents[i], latents[i + 1], shares[start == i], spherical) for i in legs]
    return _images(model, np.concatenate(ways), rows, start, shares)


def require_samples(model) -> None:
    """Refuse a model that cannot sample.

    Args:
        model: a `TrainableModel`.

    Raises:
        RunError: it cannot; the message says what it can do.
    """
    if "sample" not in model.abilities:
        able = " and ".join(sorted(model.abilities)) or "nothing that is asked for by name"
        raise RunError(f"{model.name} cannot sample: what it can do is {able}.")


def _count(model, labels) -> int:
    """Return how many labels, or rows of another condition, came."""
    condition = model.spec.condition
    if labels is None or condition is None:
        return 1  # labels that a model does not take are refused where they are checked
    several = np.ndim(labels) > len(condition.row_shape)
    return len(labels) if several else 1


def _images(model, latents, rows, start, shares) -> np.ndarray:
    """Return the images of latents, and of the condition's rows at shares of the way."""
    decode, told = model.from_latents, None
    if rows is not None:
        several = len(np.unique(rows, axis=0)) > 1
        if model.spec.condition.one_hot and several:
            rows, decode = np.eye(model.spec.num_classes, dtype=np.float32)[rows], model.from_blend
        told = rows[start]
        if np.issubdtype(rows.dtype, np.floating):  # class ids have nothing between them
            t = shares.reshape(-1, *(1,) * (rows.ndim - 1))
            told = ((1 - t) * told + t * rows[start + 1]).astype(rows.dtype)
    parts = []
    for begin in range(0, len(latents), _AT_ONCE):
        part = slice(begin, begin + _AT_ONCE)
        given = () if told is None else (tf.constant(told[part]),)
        parts.append(decode(tf.constant(latents[part]), *given).numpy())
    return np.concatenate(parts)
