"""A set of three times the memory that is allowed: batches from its file beside those from memory.

    python benchmarks/streaming.py [--images 61440] [--folder DIR]

A made set of 64x64 RGB images (noise; the content does not matter) is written as a copy of own
pictures keeps them. The first 200 batches of a shuffled epoch, 128 images each, are drawn and
nothing else is done with them:

- `file`: from the file; no limit. The file is dropped from the system's cache before.
- `memory`: the set is read into memory first; no limit. The same process draws both.
- `file, limited`: from the file in a control group (cgroup v1 or v2; run as root) whose memory is
  what a process needs that draws from a set of 256 images, and a third of the set.
- `memory, limited`: the set in memory in such a group; the system ends the process.

Recorded are images a second, the most memory that no file stands behind (anonymous), the control
group's own peak, which counts pages of the file as well as long as nobody else needs the place,
and a digest of all batches. The rates are those of one machine and what else it did meanwhile.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parent / "results" / "streaming.json"
SHAPE = (64, 64, 3)
BATCH, SEED, TIMES = 128, 0, 3
STEPS = 200
BLOCK = 4096


def anonymous() -> int:
    """Return bytes of this process that no file stands behind."""
    text = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"RssAnon:\s+(\d+)", text)[1])


def draw(path: Path, count: int, way: str) -> dict:
    """Draw the first batches of an epoch and return what they took; in a process of its own."""
    from tfgan_survey.data.images import ImageSet
    from tfgan_survey.data.rows import map_rows

    images = map_rows(path, (count, *SHAPE))
    images = np.array(images) if way == "memory" else images
    made = ImageSet("made", images, np.zeros(count, np.int32), 1, ("image",))
    digest, peak = hashlib.sha256(), 0
    batches = iter(made.stream(BATCH, seed=SEED, epochs=1))
    start = time.perf_counter()
    for step, (batch, _) in enumerate(itertools.islice(batches, STEPS)):
        digest.update(batch.numpy()[:, 0, 0].tobytes())
        if step % 32 == 0:
            peak = max(peak, anonymous())
    seconds = time.perf_counter() - start
    return {
        "images_per_second": round((step + 1) * BATCH / seconds, 1),
        "peak_anonymous_bytes": peak,
        "sha256": digest.hexdigest(),
    }


def write(path: Path, count: int) -> None:
    """Write noise, block by block."""
    with open(path, "wb") as file:
        for start in range(0, count, BLOCK):
            block = (min(BLOCK, count - start), *SHAPE)
            file.write(np.random.default_rng([SEED, start]).integers(0, 256, block, np.uint8))
        file.flush()
        os.fsync(file.fileno())


def forget(path: Path) -> None:
    """Drop a file from the system's cache."""
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Group:
    """A control group below this process's own; its limit is set before anything enters."""

    def __init__(self, limit: int | None):
        groups = {
            controllers: path
            for _, controllers, path in (
                line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()
            )
        }
        first = "memory" in groups
        root = Path("/sys/fs/cgroup") / ("memory" if first else "")
        self.version = 1 if first else 2
        self.path = root / groups["memory" if first else ""].strip("/") / f"streaming-{os.getpid()}"
        self._limit, self._names = limit, (
            ("memory.limit_in_bytes", "memory.max_usage_in_bytes") if first
            else ("memory.max", "memory.peak")
        )  # fmt: skip

    def __enter__(self):
        self.path.mkdir()
        if self._limit is not None:
            (self.path / self._names[0]).write_text(str(self._limit))
        return self

    def enter(self) -> None:
        """Move the calling process into the group."""
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def peak(self) -> int:
        """Return the most memory that the group had."""
        return int((self.path / self._names[1]).read_text())

    def __exit__(self, *_):
        self.path.rmdir()


def measure(path: Path, count: int, ways: str, limit: int | None) -> dict:
    """Run `draw` for some ways in a process and a control group of its own."""
    forget(path)
    command = [sys.executable, __file__, "--draw", str(path), "--images", str(count)]
    command += ["--ways", ways]
    with Group(limit) as group:
        done = subprocess.run(
            command, preexec_fn=group.enter, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=900, check=False,
        )  # fmt: skip
        found = {"peak_of_group_bytes": group.peak(), "exit_code": done.returncode}
    return found | (json.loads(done.stdout) if done.returncode == 0 else {})


def main() -> None:
    """Measure and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=61_440)
    parser.add_argument("--folder", type=Path, help="where the set is written [a temporary one]")
    parser.add_argument("--draw", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--ways", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.draw is not None:
        ways = options.ways.split(",")
        print(json.dumps({way: draw(options.draw, options.images, way) for way in ways}))
        return
    count, size = options.images, options.images * int(np.prod(SHAPE))
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        few, all_of_them = Path(folder, "few.bin"), Path(folder, "images.bin")
        write(few, 2 * BATCH)
        write(all_of_them, count)
        baseline = measure(few, 2 * BATCH, "file", None)["peak_of_group_bytes"]
        limit = baseline + size // TIMES
        runs = {
            "without a limit": measure(all_of_them, count, "file,memory", None),
            "file, limited": measure(all_of_them, count, "file", limit),
            "memory, limited": measure(all_of_them, count, "memory", limit),
        }
    with open("/proc/loadavg") as file:
        load = float(file.read().split()[0])
    result = {
        "images": count,
        "set_bytes": size,
        "baseline_bytes": baseline,
        "limit_bytes": limit,
        "set_over_allowed": round(size / (limit - baseline), 2),
        "batch_size": BATCH,
        "runs": runs,
        "machine": {"cores": os.cpu_count(), "load": load, "platform": platform.platform()},
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
