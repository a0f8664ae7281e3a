"""Peak memory and speed of sampling in shards: ten times as many images, the same memory.

    python benchmarks/sampling.py [--num 20000 200000] [--shards 10]

A process of its own each samples a small untrained generator (28 x 28, its pixels are noise and do
not compress) into shards of a temporary folder; its greatest resident memory is the system's count.
Writes benchmarks/results/sampling.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "sampling.json"
_NETWORK = {"generator_widths": (128,), "discriminator_widths": (8,), "latent_dim": 32}


def sample(folder: Path, num: int, shards: int) -> dict:
    """Sample into a folder; return time and greatest memory of this process."""
    from tfgan_survey import build
    from tfgan_survey.training.callbacks import save_model
    from tfgan_survey.training.shards import sample_shards

    save_model(build("survey_gan", **_NETWORK), folder / "model.keras")
    began = time.perf_counter()
    sample_shards(folder / "model.keras", folder / "samples", num, shards, log=lambda _: None)
    seconds = time.perf_counter() - began
    written = sum(file.stat().st_size for file in (folder / "samples").iterdir())
    unit = 1 if platform.system() == "Darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return {"num": num, "shards": shards, "seconds": round(seconds, 1),
            "peak_mb": round(peak / 2**20, 1), "written_mb": round(written / 2**20, 1)}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--num", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--shards", type=int, default=10)
    parser.add_argument("--here", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here is not None:
        print(json.dumps(sample(arguments.here, arguments.num[0], arguments.shards)))
        return
    runs = []
    for num in arguments.num:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, "--num", str(num), "--shards",
                       str(arguments.shards), "--here", folder]  # fmt: skip
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        runs.append(json.loads(done.stdout.splitlines()[-1]))
        print(runs[-1], flush=True)
    found = {"cores": os.cpu_count(), "network": _NETWORK, "runs": runs}
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
