"""Train the small models whose codes are looked at, and draw what docs/codes.md shows.

    python benchmarks/code_pictures.py              trains what is missing into runs/codes, draws
    python benchmarks/code_pictures.py --only plane one of the pictures

About ten minutes of one core; a training that is there is not made again. Pictures are of MNIST's
test digits and of what the models make of them. Seed 0.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

RUNS, FIGURES = Path("runs/codes"), Path("docs/figures")
_PLANE = {"latent_dim": 2, "steps": 6_000}
# Name to model and settings.
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "pca": ("pca", {}),
    "autoencoder": ("autoencoder", {}),
    "vae": ("vae", {"dataset": "mnist", "latent_dim": 30, "steps": 10_000}),
    "plane": ("autoencoder", {**_PLANE, "penalty": "l2"}),
    "vae-plane": ("vae", {**_PLANE, "dataset": "mnist", "steps": 10_000}),
    "denoising": ("denoising_autoencoder", {"corruption.share": 0.5}),
}
# File to the runs in it, and the picture that is drawn of them.
PICTURES: dict[str, tuple[tuple[str, ...], str]] = {
    "codes_plane": (("plane",), "plane"),
    "codes_scatter": (("plane",), "codes"),
    "codes_vae_plane": (("vae-plane",), "plane"),
    "codes_vae_scatter": (("vae-plane",), "codes"),
    "codes_interpolation": (("pca", "autoencoder", "vae"), "interpolation"),
    "codes_denoised": (("denoising",), "denoised"),
    "codes_reconstructions": (("autoencoder",), "reconstructions"),
    "codes_vae_samples": (("vae",), "samples"),
    "codes_retrieval": (("autoencoder",), "retrieval"),
}


def draw(name: str, data_dir: Path | None) -> Path:
    """Train what a picture needs, and draw it."""
    import shutil
    import tempfile

    from tfgan_survey.evaluation import Target, retrieve, write_pictures
    from tfgan_survey.training import RunFolder, train

    runs, kind = PICTURES[name]
    for run in runs:
        folder = RunFolder(RUNS / run)
        if not folder.finished:
            model, settings = MODELS[run]
            train(model, folder.path, resume=folder.started, overrides=settings,
                  data_dir=data_dir, verbose=0)  # fmt: skip
    targets = [Target(RUNS / run, data_dir=data_dir) for run in runs]
    path = FIGURES / f"{name}.png"
    if kind == "retrieval":
        retrieve(targets[0], output=path)
        return path
    with tempfile.TemporaryDirectory() as folder:
        made = write_pictures(targets, folder, [kind], log=lambda line: None)
        shutil.copyfile(made[0], path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(PICTURES), default=list(PICTURES))
    parser.add_argument("--data-dir", type=Path, help="root of prepared data sets")
    arguments = parser.parse_args()
    for name in arguments.only:
        print(draw(name, arguments.data_dir), flush=True)


if __name__ == "__main__":
    main()
