"""Train the feature classifiers that the package ships, and print their accuracy and sha256.

    python benchmarks/train_features.py mnist            # about 3 minutes on one core
    python benchmarks/train_features.py fashion_mnist    # about 4 minutes

The file goes to `tfgan_survey/metrics/weights/`; enter the printed digest into `WEIGHTS` in
`tfgan_survey/metrics/features.py`. A new file changes every Frechet and kernel distance a little:
numbers from different digests must not stand in one table. The number of epochs was fixed
beforehand; the test images are only used for the accuracy that is printed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import time
from pathlib import Path

import numpy as np

from tfgan_survey.data import load_arrays
from tfgan_survey.metrics import features as shipped
from tfgan_survey.metrics.classifier import train_classifier

EPOCHS = {"mnist": 8, "fashion_mnist": 12}
REQUIRED = {"mnist": 0.993, "fashion_mnist": 0.91}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", choices=sorted(EPOCHS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="default: the package's metrics/weights/")
    arguments = parser.parse_args()
    dataset = arguments.dataset
    images, labels = load_arrays(dataset, "train")
    test_images, test_labels = load_arrays(dataset, "test")

    start = time.perf_counter()
    model = train_classifier(
        images,
        labels,
        epochs=EPOCHS[dataset],
        flip=dataset == "fashion_mnist",
        seed=arguments.seed,
        verbose=2,
    )
    seconds = time.perf_counter() - start
    # Half precision is what ships, so half precision is what is measured.
    for variable in model.weights:
        if variable.ndim > 1:
            variable.assign(np.asarray(variable).astype(np.float16).astype(np.float32))
    logits = model.predict(test_images.astype(np.float32) / 255, batch_size=500, verbose=0)
    accuracy = float(np.mean(logits.argmax(axis=1) == test_labels))

    card = {
        "dataset": dataset,
        "seed": arguments.seed,
        "epochs": EPOCHS[dataset],
        "training_images": len(images),
        "test_accuracy": round(accuracy, 6),
    }
    content = shipped.pack_weights(model, card)
    path = arguments.output or shipped.weights_path(dataset)
    aside = path.with_suffix(".partial")
    aside.write_bytes(content)
    os.replace(aside, path)
    print(f"{path}: {len(content):,} bytes, trained in {seconds:.0f} s")
    print(f"test accuracy {accuracy:.4f}, required {REQUIRED[dataset]}")
    print(f"sha256 {hashlib.sha256(content).hexdigest()}")
    if accuracy < REQUIRED[dataset]:
        raise SystemExit("the accuracy is too low to ship this file")


if __name__ == "__main__":
    main()
