"""Run the notebooks and keep their outputs, which the site shows.

    python tools/notebooks.py                            all, in place
    python tools/notebooks.py examples/notebooks/5_serving.ipynb
    python tools/notebooks.py --check                    run them, keep nothing

Each runs in a folder of its own that is thrown away, from the first cell to the last; the first
error ends it. Needs the extra `[dev]`.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path

LOGGED = re.compile(r"(?:INFO|WARNING):tensorflow:")
NOTEBOOKS = Path(__file__).parent.parent / "examples" / "notebooks"


def run(path: Path, keep: bool, seconds: int = 900) -> None:
    """Execute a notebook.

    Args:
        path: the `.ipynb`.
        keep: whether its outputs are written back.
        seconds: longest time of a cell.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed; the message has its traceback.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook,
            timeout=seconds,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": folder}},
        ).execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [one for one in map(_without_logs, cell.outputs) if one is not None]
    if keep:
        aside = path.with_suffix(".aside")
        nbformat.write(notebook, aside)
        aside.replace(path)


def _without_logs(output):
    """Return an output without what TensorFlow says of itself, or None where nothing is left."""
    if output.output_type != "stream":
        return output
    lines = output.text.splitlines(keepends=True)
    output.text = "".join(line for line in lines if not LOGGED.match(line))
    return output if output.name == "stdout" and output.text.strip() else None


def main() -> None:
    """Run the notebooks that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="*", type=Path, help="default: all")
    parser.add_argument("--check", action="store_true", help="keep nothing")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for path in arguments.paths or sorted(NOTEBOOKS.glob("*.ipynb")):
        run(path, keep=not arguments.check)
        print("ran", path, file=sys.stderr)


if __name__ == "__main__":
    main()
