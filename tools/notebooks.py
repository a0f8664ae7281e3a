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
import sys
import tempfile
from pathlib import Path

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
        # What TensorFlow says of itself is no output.
        if cell.cell_type == "code":
            for one in cell.outputs:
                lines = one.get("text", "").splitlines(keepends=True)
                one.update({"text": "".join(line for line in lines if not line.startswith("INFO:tensorflow"))}
                           if lines else {})  # fmt: skip
            cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
    if keep:
        aside = path.with_suffix(".aside")
        nbformat.write(notebook, aside)
        aside.replace(path)


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
