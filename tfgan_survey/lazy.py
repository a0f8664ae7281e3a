"""Names that are imported when they are first used (PEP 562), so that a package starts lightly."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any


def attach(
    package: str, modules: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return `__getattr__`, `__dir__` and `__all__` of a package.

    Args:
        package: the package's `__name__`.
        modules: public name to the module below the package that defines it.

    Returns:
        The three, to be assigned at the package's top level.

    Example:
        __getattr__, __dir__, __all__ = attach(__name__, {"load": "images"})
    """

    def load(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        with quiet_start():
            module = importlib.import_module(f"{package}.{modules[name]}")
        value = getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *modules})

    return load, names, list(modules)


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Hide TensorFlow's start-up notes while the block imports it for the first time.

    `TF_CPP_MIN_LOG_LEVEL` alone does not: some notes come from C++ before its logging is
    initialised. They are kept aside, and shown if the import fails or TensorFlow was not imported
    after all. The variable is left as it is where the user has set it, and where it is 0 nothing
    is hidden.
    """
    level = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "tensorflow" in sys.modules or level == "0":
        yield
        return
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        done = False
        try:
            yield
            done = "tensorflow" in sys.modules
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            if not done:
                notes.seek(0)
                sys.stderr.write(notes.read().decode(errors="replace"))
