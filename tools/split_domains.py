"""Hold pictures of two domains out: trainA and trainB become trainA, trainB, testA and testB.

Run `python tools/split_domains.py monet2photo.zip monet2photo --held-out 100 300`, where the
archives or folders have pictures below folders `trainA` and `trainB`. The last ones by sorted name
are held out; files are copied as they are.
"""

from __future__ import annotations

import argparse
import zipfile
from collections.abc import Callable
from pathlib import Path

from tfgan_survey.files import written_aside

_ENDINGS = (".jpg", ".jpeg", ".png", ".webp")


def found(source: Path) -> dict[str, Callable[[], bytes]]:
    """Return what reads each picture, by its path inside the archive or folder.

    Args:
        source: a zip archive, or a folder.
    """
    if source.is_dir():
        files = (path for path in source.rglob("*") if path.is_file())
        return {path.relative_to(source).as_posix(): path.read_bytes for path in files}
    archive = zipfile.ZipFile(source)
    return {name: lambda name=name: archive.read(name) for name in archive.namelist()}


def split(sources: list[Path], output: Path, held_out: tuple[int, int]) -> dict[str, int]:
    """Write the four folders.

    Args:
        sources: zip archives, or folders.
        output: folder that must not exist.
        held_out: pictures of A and of B that become test pictures.

    Returns:
        How many pictures each folder has.
    """
    if output.exists():
        raise SystemExit(f"{output} exists; name another folder.")
    every = {name: read for source in sources for name, read in found(source).items()}
    pictures = {name: read for name, read in every.items() if name.lower().endswith(_ENDINGS)}
    counts = {}
    with written_aside(output) as aside:
        for domain, held in zip("AB", held_out, strict=True):
            names = sorted(name for name in pictures if f"train{domain}" in name.split("/")[:-1])
            if len(names) <= held:
                raise SystemExit(
                    f"train{domain} has {len(names)} pictures, {held} of which were to be held out."
                )
            for part, chosen in (("train", names[:-held]), ("test", names[-held:])):
                folder = aside / f"{part}{domain}"
                folder.mkdir(parents=True)
                for name in chosen:
                    (folder / Path(name).name).write_bytes(pictures[name]())
                counts[folder.name] = len(chosen)
    return counts


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", type=Path, nargs="+")
    parser.add_argument("output", type=Path)
    parser.add_argument("--held-out", nargs=2, type=int, default=(100, 300))
    given = parser.parse_args()
    print(split(given.sources, given.output, tuple(given.held_out)))
