"""Samples of a server as a picture or a file, as `tfgan-survey sample` writes them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfgan_survey.serving.client.client import Client


def save_samples(
    client: Client,
    output: str | Path,
    num: int | None = None,
    labels: int | Sequence[int] | None = None,
    seed: int = 0,
    columns: int | None = None,
) -> Path:
    """Write samples as `tfgan-survey sample` does, from a server instead of a run folder.

    Args:
        client: whom to ask; PNGs travel where the model has the signature `sample_png`.
        output: `.png`, or `.npz` with `images` uint8 and, where conditional, `labels` int32.
        num: number of images; as many as labels by default.
        labels: as in `Client.sample`.
        seed: first seed.
        columns: images in a row of the grid.

    Returns:
        `output`.
    """
    from PIL import Image

    from tfgan_survey import pictures
    from tfgan_survey.files import written_aside

    output = Path(output)
    signatures = client.metadata()["metadata"]["signature_def"]["signature_def"]
    if "sample_png" in signatures:
        files = client.sample_png(labels, num, seed)
        images = np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files])
        images = images[..., None] if images.ndim == 3 else images
    else:
        images = pictures.to_uint8(client.sample(labels, num, seed))
    if output.suffix == ".png":
        return pictures.save(pictures.grid(images, columns), output)
    with written_aside(output) as aside:
        np.savez_compressed(
            aside, images=images, **client._label_rows("sample", labels, len(images))
        )
    return output
