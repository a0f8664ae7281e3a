"""Walks between latents: pictures along the way from one latent to another."""

from __future__ import annotations

import numpy as np

from tfgan_survey.evaluation.subject import Subject


def between(first: np.ndarray, last: np.ndarray, steps: int, spherical: bool) -> np.ndarray:
    """Return latents from `first` to `last`, both included.

    Formula:
        linear: (1 - t) a + t b;
        spherical: (sin((1 - t) w) a + sin(t w) b) / sin w,  w = angle between a and b
    Why:
        normal latents of many dimensions lie near a sphere, and the middle of a straight line
        is nearer to the origin than any of them; uniform latents fill a cube, which is
        convex.

    Args:
        first: float `(latent_dim,)`.
        last: float `(latent_dim,)`.
        steps: number of latents, at least 2.
        spherical: which of the two.

    Returns:
        float32 `(steps, latent_dim)`.

    Raises:
        ValueError: fewer than two steps.

    Source:
        White 2016, arXiv:1609.04468, section 2.1; Shoemake 1985.
    """
    if steps < 2:
        raise ValueError(f"steps={steps}: a walk has at least its two ends.")
    a, b = np.asarray(first, np.float64), np.asarray(last, np.float64)
    t = np.linspace(0.0, 1.0, steps)[:, None]
    weights = 1 - t, t
    if spherical:
        cosine = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
        angle = np.arccos(np.clip(cosine, -1, 1))
        # Of parallel latents the straight line is the sphere's arc, or there are many arcs.
        if np.sin(angle) > 1e-6:
            weights = np.sin((1 - t) * angle) / np.sin(angle), np.sin(t * angle) / np.sin(angle)
    return (weights[0] * a + weights[1] * b).astype(np.float32)


def walk(
    subject: Subject,
    labels: np.ndarray | None = None,
    steps: int = 11,
    rows: int = 6,
    seed: int = 0,
) -> np.ndarray:
    """Draw walks: row k leads from the sample of seed `seed + k` to that of `seed + k + rows`.

    Args:
        subject: the model; the way is spherical where its latents are normal, else straight.
        labels: one class id a row; None where the model is unconditional.
        steps: pictures in a row.
        rows: rows of an unconditional model.
        seed: first of the consecutive seeds.

    Returns:
        float32 `(rows, steps, *image_shape)` in [0, 1].
    """
    rows = rows if labels is None else len(labels)
    ends = subject.latents(seed, 2 * rows)
    made = []
    for row in range(rows):
        latents = between(ends[row], ends[row + rows], steps, subject.latent == "normal")
        ids = None if labels is None else np.full(steps, labels[row], np.int32)
        made.append(subject.decode(latents, ids))
    return np.stack(made)
