"""Put the mistakes of a kept list into a copy of the tree, one at a time, and see who notices.

    python tools/mutations.py --jobs 2            all of tests/mutations.json (make test-mutations)
    python tools/mutations.py --only regularizers  entries whose file, why or tests hold this text
    python tools/mutations.py --fresh             also those whose answer is already known

An entry is `{"file", "old", "new", "why", "tests"}`: `old` stands exactly once in `file` and is
replaced by `new`; the pytest targets `tests` then have to fail. Before that they have to pass on
the copy as it is. Answers are kept in `build/mutations.json` under a digest of the entry, the file
and the tests, so a run that was stopped goes on and a change of either is measured again.

Exit code: 0, or 1 when fewer than 9 of 10 mistakes are noticed, an entry is stale, or a test fails
without any mistake.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import queue
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
LIST = "tests/mutations.json"
GOAL = 0.9
# What is made, not written: no test reads it.
_LEFT_OUT = {".git", ".venv", "runs", "data", "build", "dist", ".pytest_cache", ".ruff_cache"}


class Mutation(NamedTuple):
    """One mistake; `tests` are pytest targets relative to the root."""

    file: str
    old: str
    new: str
    why: str
    tests: tuple[str, ...]


class StaleError(Exception):
    """An entry does not fit the tree."""


def read_list(path: Path) -> list[Mutation]:
    """Return the entries of a list.

    Args:
        path: JSON file, a list of objects with the fields of `Mutation`.

    Raises:
        StaleError: an entry has other fields.
    """
    entries = json.loads(path.read_text(encoding="utf-8"))
    for index, entry in enumerate(entries):
        if set(entry) != set(Mutation._fields) or not entry["tests"]:
            raise StaleError(
                f"{path}, entry {index}: fields {sorted(entry)}, expected "
                f"{sorted(Mutation._fields)} with at least one test."
            )
    return [Mutation(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries]


def check(mutation: Mutation, root: Path) -> None:
    """Refuse an entry that does not fit.

    Args:
        mutation: the entry.
        root: of the tree that it is to fit.

    Raises:
        StaleError: no such file or test, the old text is not there exactly once, or nothing would
            change.
    """
    name = f"{mutation.file} ({mutation.why})"
    path = root / mutation.file
    if not path.is_file():
        raise StaleError(f"{name}: no such file; move or remove the entry.")
    count = path.read_text(encoding="utf-8").count(mutation.old)
    if count != 1:
        raise StaleError(
            f"{name}: {mutation.old!r} stands there {count} times, expected once; take the line "
            "as it is now, or remove the entry."
        )
    if mutation.old == mutation.new:
        raise StaleError(f"{name}: old and new are the same text.")
    for test in mutation.tests:
        file, *names = test.split("::")
        if not (root / file).exists():
            raise StaleError(f"{name}: no {file}; name the test that is to notice.")
        text = (root / file).read_text(encoding="utf-8") if names else ""
        if names and f"def {names[-1].split('[')[0]}(" not in text:
            raise StaleError(f"{name}: no {names[-1]} in {file}; name the test that is to notice.")


def digest(mutation: Mutation, root: Path) -> str:
    """Return what an answer depends on: entry, file, and the tests' own files.

    Args:
        mutation: the entry.
        root: of the tree.
    """
    found = hashlib.sha256(repr(mutation).encode())
    for name in (mutation.file, *sorted({test.split("::")[0] for test in mutation.tests})):
        path = root / name
        for one in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            found.update(one.read_bytes())
    return found.hexdigest()


def copy_tree(root: Path, target: Path) -> None:
    """Copy what tests read.

    Args:
        root: of the tree.
        target: a folder that is not there yet.
    """

    def left_out(folder: str, names: Sequence[str]) -> set[str]:
        skipped = {name for name in names if name == "__pycache__" or name.startswith(".writing-")}
        return skipped | (_LEFT_OUT & set(names) if Path(folder) == root else set())

    shutil.copytree(root, target, ignore=left_out)


def run_tests(tree: Path, tests: Iterable[str], seconds: float) -> tuple[str, str]:
    """Run pytest in a copy, in a process forked from one that has TensorFlow imported already.

    Args:
        tree: the copy; its package is the one imported.
        tests: pytest targets.
        seconds: time limit.

    Returns:
        "passed", "failed" (a hang is one), or "error" for targets that pytest does not find, and
        the end of the output.
    """
    output = tree.with_name(f"{tree.name}.txt")
    process = _context(tree).Process(target=_pytest, args=(tree, list(tests), output))
    process.start()
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        process.join()
        return "failed", f"no end within {seconds:.0f} s"
    # pytest's exit codes: 4 wrong usage, 5 nothing collected
    answer = {0: "passed", 4: "error", 5: "error"}.get(process.exitcode, "failed")
    return answer, output.read_text(encoding="utf-8", errors="replace")[-2000:]


def _context(tree: Path):
    context = multiprocessing.get_context("forkserver")
    if (tree / "tfgan_survey").is_dir():
        # Most of a short test's time is the import. No operation runs before the fork.
        context.set_forkserver_preload(["pytest", "tensorflow", "keras"])
    return context


def _pytest(tree: Path, tests: Sequence[str], output: Path) -> None:
    with open(output, "w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(tree)
    # Same length, same second: a cached byte code would hide the mistake.
    sys.dont_write_bytecode = True
    os.environ |= {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    sys.path.insert(0, str(tree))
    import pytest

    sys.exit(int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests])))


def try_out(mutation: Mutation, tree: Path, seconds: float) -> bool:
    """Return whether a test fails with the mistake in `tree`, which is as before afterwards.

    Args:
        mutation: the entry.
        tree: a copy.
        seconds: time limit of its tests.

    Raises:
        StaleError: pytest does not find the tests.
    """
    path = tree / mutation.file
    before = path.read_bytes()
    path.write_bytes(before.decode("utf-8").replace(mutation.old, mutation.new).encode("utf-8"))
    try:
        answer, output = run_tests(tree, mutation.tests, seconds)
    finally:
        path.write_bytes(before)
    if answer == "error":
        raise StaleError(f"{mutation.file}: pytest runs nothing of {mutation.tests}:\n{output}")
    return answer == "failed"


def measure(
    mutations: Sequence[Mutation],
    root: Path,
    results: Path,
    *,
    jobs: int = 1,
    seconds: float = 300.0,
    fresh: bool = False,
) -> list[bool]:
    """Try all entries whose answer is not known.

    Args:
        mutations: checked entries.
        root: of the tree.
        results: JSON file of the answers, kept after each.
        jobs: copies that work side by side.
        seconds: time limit of an entry's tests.
        fresh: ask again what is known.

    Returns:
        Of each entry whether it was noticed.

    Raises:
        StaleError: a test fails without any mistake, or is not found.
    """
    known: dict[str, bool] = {}
    if results.exists() and not fresh:
        known = json.loads(results.read_text(encoding="utf-8"))
    keys = [digest(one, root) for one in mutations]
    missing = [(key, one) for key, one in zip(keys, mutations, strict=True) if key not in known]
    if missing:
        with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
            _measure_missing(missing, root, Path(folder), results, known, jobs, seconds)
    return [known[key] for key in keys]


def _measure_missing(missing, root, folder, results, known, jobs, seconds) -> None:
    from tfgan_survey.files import write_json

    trees: queue.Queue[Path] = queue.Queue()
    for index in range(jobs):
        copy_tree(root, folder / str(index))
        trees.put(folder / str(index))
    used = sorted({test for _, one in missing for test in one.tests})
    print(f"{len(missing)} to try; first their tests without a mistake", flush=True)
    shares = [used[index::jobs] for index in range(jobs) if used[index::jobs]]
    with ThreadPoolExecutor(jobs) as pool:
        copies = [folder / str(index) for index in range(len(shares))]
        for answer, output in pool.map(run_tests, copies, shares, [10 * seconds] * len(shares)):
            if answer != "passed":
                raise StaleError(f"The tests fail without any mistake; mend them first.\n{output}")

    writing = threading.Lock()  # an older state must not come after a newer one

    def one(entry: tuple[str, Mutation]) -> None:
        key, mutation = entry
        tree, start = trees.get(), time.monotonic()
        try:
            known[key] = try_out(mutation, tree, seconds)
        finally:
            trees.put(tree)
        with writing:
            write_json(results, dict(known))
        print(f"{_line(mutation, known[key])}  {time.monotonic() - start:.0f} s", flush=True)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, missing))


def _line(mutation: Mutation, seen: bool) -> str:
    return f"{'seen  ' if seen else 'UNSEEN'} {mutation.file}: {mutation.why}"


def chosen(mutations: Iterable[Mutation], texts: Sequence[str]) -> list[Mutation]:
    """Return the entries that hold one of the texts in file, why or tests.

    Args:
        mutations: entries.
        texts: none for all.
    """
    return [
        one
        for one in mutations
        if not texts or any(text in " ".join((one.file, one.why, *one.tests)) for text in texts)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print what is unseen and the share.

    Args:
        arguments: of the command line; the process's own by default.

    Returns:
        Exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    parser.add_argument("--list", type=Path, help=f"entries [{LIST}]")
    parser.add_argument("--only", nargs="+", default=[], metavar="TEXT", help="choose entries")
    parser.add_argument("--jobs", type=int, default=1, help="copies that work side by side")
    parser.add_argument("--seconds", type=float, default=300.0, help="time limit of an entry")
    parser.add_argument("--results", type=Path, help="kept answers [build/mutations.json]")
    parser.add_argument("--fresh", action="store_true", help="ask again what is known")
    asked = parser.parse_args(arguments)
    results = asked.results or asked.root / "build" / "mutations.json"
    try:
        mutations = chosen(read_list(asked.list or asked.root / LIST), asked.only)
        if not mutations:
            parser.error(f"no entry holds {' or '.join(asked.only)}")
        for one in mutations:
            check(one, asked.root)
        seen = measure(
            mutations,
            asked.root,
            results,
            jobs=asked.jobs,
            seconds=asked.seconds,
            fresh=asked.fresh,
        )
    except StaleError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for one, noticed in zip(mutations, seen, strict=True):
        if not noticed:
            print(_line(one, noticed))
    print(f"{sum(seen)} of {len(seen)} mistakes are seen; the goal is {GOAL:.0%}")
    return 0 if sum(seen) >= GOAL * len(seen) else 1


if __name__ == "__main__":
    sys.exit(main())
