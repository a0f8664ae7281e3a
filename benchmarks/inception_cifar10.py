"""Reproduce the FID between all training and all test images of CIFAR-10, published as 3.15.

    tfgan-survey data prepare cifar10
    tfgan-survey data prepare inception_v3
    python benchmarks/inception_cifar10.py --jobs 2

60,000 images at about 9 a second and core: an hour on two cores. Features are kept every 1,000
images, so an interrupted run goes on. Writes `benchmarks/results/inception_cifar10.json`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from reproduce import ONE_THREAD

RESULT = Path("benchmarks/results/inception_cifar10.json")
SPLITS = ("test", "train")
PUBLISHED = 3.15


def compute(part: int, parts: int, data_dir: Path | None) -> None:
    """Compute every `parts`-th block of features that is not kept yet."""
    from tfgan_survey.data import load_arrays
    from tfgan_survey.metrics import inception_features
    from tfgan_survey.metrics.inception_fid import BLOCK, Inception

    network = Inception(data_dir)
    for split in SPLITS:
        images = load_arrays("cifar10", split, data_dir=data_dir).images
        for start in range(part * BLOCK, len(images), parts * BLOCK):
            began = time.monotonic()
            inception_features(images[start : start + BLOCK], data_dir=data_dir, network=network)
            print(f"{split} {start:,}: {time.monotonic() - began:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1, help="processes of one thread each")
    parser.add_argument("--data-dir", type=Path, help="root of prepared data sets")
    parser.add_argument("--part", nargs=2, type=int, metavar=("I", "OF"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        compute(*arguments.part, arguments.data_dir)
        return
    data_dir = [] if arguments.data_dir is None else ["--data-dir", str(arguments.data_dir)]
    workers = [
        subprocess.Popen(
            [sys.executable, __file__, "--part", str(part), str(arguments.jobs), *data_dir],
            env={**os.environ, **ONE_THREAD},
        )
        for part in range(arguments.jobs)
    ]
    if any([worker.wait() for worker in workers]):
        raise SystemExit("a process failed; what it kept is not computed again")

    from tfgan_survey.data import load_arrays
    from tfgan_survey.files import write_json
    from tfgan_survey.metrics import inception_fid, inception_statistics
    from tfgan_survey.metrics.inception_fid import PROTOCOL

    test, train = (
        inception_statistics(
            load_arrays("cifar10", split, data_dir=arguments.data_dir).images,
            f"cifar10 {split}",
            data_dir=arguments.data_dir,
        )
        for split in SPLITS
    )
    value = inception_fid(train, test)
    print(f"FID of {train.num:,} training and {test.num:,} test images: {value:.4f}")
    write_json(
        RESULT,
        {
            "value": value,
            "published": PUBLISHED,
            "train": train.num,
            "test": test.num,
            "protocol": PROTOCOL,
        },
    )


if __name__ == "__main__":
    main()
