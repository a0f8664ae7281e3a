"""What benchmarks of many small trainings share: one JSON file a run, kept, refused, resumed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfgan_survey.files import write_json


def run_missing(
    results: Path,
    wanted: Iterable[tuple[str, Mapping[str, Any]]],
    run: Callable[[Mapping[str, Any]], Mapping[str, Any]],
) -> None:
    """Run what has no file yet.

    Args:
        results: folder of the files `<name>-seed<seed>.json`.
        wanted: a run's name and what identifies it, its `seed` included.
        run: takes what identifies it and returns what was measured.

    Raises:
        SystemExit: a file that is there was made with other settings.
    """
    for name, asked in wanted:
        path = results / f"{name}-seed{asked['seed']}.json"
        if path.exists():
            there = json.loads(path.read_text(encoding="utf-8"))
            if {key: there[key] for key in asked} != asked:
                raise SystemExit(
                    f"{path} was made with other settings than {asked}; remove it, or give "
                    "another --results."
                )
            continue
        write_json(path, {**asked, **run(asked)})
        print(f"wrote {path}", flush=True)


def read_runs(results: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the files that are there, by name, in the order of their seeds."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(results.glob("*-seed*.json")):
        name = path.name.rsplit("-seed", 1)[0]
        found.setdefault(name, []).append(json.loads(path.read_text(encoding="utf-8")))
    if not found:
        raise SystemExit(f"{results} holds no run yet; run without --render first.")
    return found


def parser(description: str, name: str, names: Iterable[str], seeds: Sequence[int]):
    """Return a parser of the arguments that such benchmarks have; files are named after `name`."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--runs", nargs="+", choices=sorted(names), help="default: all")
    made.add_argument("--seeds", nargs="+", type=int, default=list(seeds))
    made.add_argument("--steps", type=int, help="instead of each run's own")
    made.add_argument("--data-dir", type=Path, help="root of prepared data sets")
    made.add_argument("--results", type=Path, default=Path("benchmarks/results") / name)
    made.add_argument("--report", type=Path, default=Path("docs") / f"{name}.md")
    made.add_argument("--render", action="store_true", help="write the report only")
    return made
