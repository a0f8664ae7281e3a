"""The shape of the package: imports go one way, one loop, a light start."""

import ast
import subprocess
import sys
from pathlib import Path

import tfgan_survey

ROOT = Path(tfgan_survey.__file__).parent
# Data-flow order; a module imports from its own line or from lines above.
LAYERS = [
    ("errors", "registry", "files", "lazy", "console"),
    ("settings",),
    ("layers",),
    ("conditions",),
    ("data",),
    ("networks",),
    ("objectives",),
    ("regularizers",),
    ("models",),
    ("zoo",),
    ("pretrained",),
    ("pictures",),
    ("theory",),
    ("metrics",),
    ("training",),
    ("evaluation",),
    ("export",),
    ("serving",),
    ("cli",),
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            if parts[0] == "tfgan_survey":
                yield from ([parts[1]] if len(parts) > 1 else [a.name for a in node.names])
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("tfgan_survey."):
                    yield alias.name.split(".")[1]


def test_imports_point_one_way():
    seen = set()
    for path in ROOT.rglob("*.py"):
        own = path.relative_to(ROOT).parts[0].removesuffix(".py")
        if own == "__init__":
            continue
        seen.add(own)
        for other in imported(path):
            assert RANK[other] <= RANK[own], f"{path} imports {other}"
    assert seen <= set(RANK)


# Inside serving the same: the wire below the runtime, the APIs above it, the client apart.
FLOORS = {"wire": 0, "runtime": 1, "api": 2, "client": 3, "server": 3}


def all_imports(path):
    """Yield the package's modules that a file imports, those inside functions included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tfgan_survey"):
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                yield module if module_file(module) else node.module
        elif isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.startswith("tfgan_survey"))


def module_file(module):
    path = ROOT.parent / Path(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


def test_imports_inside_serving_point_one_way():
    seen = set()
    for path in (ROOT / "serving").rglob("*.py"):
        own = path.relative_to(ROOT / "serving").parts[0].removesuffix(".py")
        if own == "__init__":
            continue
        seen.add(own)
        for module in all_imports(path):
            parts = module.split(".")
            if parts[1:2] != ["serving"] or len(parts) < 3:
                continue
            assert FLOORS[parts[2]] <= FLOORS[own], f"{path} imports {module}"
            # The client speaks to servers of any kind: it shares the wire's codes and no more.
            if own == "client":
                assert parts[2] in ("client", "wire"), f"{path} imports {module}"
    assert seen == set(FLOORS)


def test_no_import_circle_anywhere():
    edges = {
        path: {file for module in all_imports(path) if (file := module_file(module))}
        for path in ROOT.rglob("*.py")
    }
    done, open_ = set(), []

    def visit(path):
        assert path not in open_, f"circle: {' -> '.join(map(str, [*open_, path]))}"
        if path in done:
            return
        open_.append(path)
        for other in sorted(edges[path] - {path}):
            visit(other)
        done.add(open_.pop())

    for path in sorted(edges):
        visit(path)


def test_one_loop_and_only_models_define_a_train_step():
    found = [
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name == "train_step"
    ]
    # A kind of model defines `update` and `losses`.
    assert found == ["models/trainable.py"]


def test_help_and_import_start_without_tensorflow():
    code = (
        "import sys, tfgan_survey\n"
        "from tfgan_survey import cli\n"
        "try:\n    cli.main(['--help'])\nexcept SystemExit as stop:\n    assert stop.code == 0\n"
        "try:\n    cli.main(['models'])\nexcept SystemExit as stop:\n    assert stop.code == 0\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "survey_cgan" in done.stdout


def test_public_names_exist():
    for name in tfgan_survey.__all__:
        assert getattr(tfgan_survey, name) is not None
