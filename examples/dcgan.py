"""DCGAN into a run folder, with the survey's tricks as settings. python examples/dcgan.py."""

import sys

from tfgan_survey import train


def main(steps: int = 3000, output: str = "runs/examples") -> None:
    settings = {
        "dataset": "mnist_mini",
        "steps": steps,
        "latent": "normal",  # trick 3
        "activation": "leaky_relu",  # trick 5
        "upsampling": "pixel_shuffle",
        "downsampling": "average_pooling",
        "real_target": 0.9,  # trick 6
    }
    # Run again after a kill, it goes on. The folder holds history, film, samples and the model.
    _, run = train("dcgan", f"{output}/dcgan", overrides=settings, resume=True)
    print("grid:", run.grid, "film:", run.film)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
