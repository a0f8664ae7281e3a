"""Which folders are versions."""

import pytest

from tfgan_survey.serving.runtime.versions import found_versions
from tfgan_survey.serving.wire.status import ServingError


def test_version_folders_are_the_integers(tmp_path):
    for name in ("1", "00000123", "x", "1.5", "-4", "1e3", "２", "9" * 30, ".5"):
        (tmp_path / name).mkdir()
    (tmp_path / "7").write_text("a file")
    assert set(found_versions(tmp_path)) == {1, 123}
    with pytest.raises(ServingError, match="cannot read the model folder"):
        found_versions(tmp_path / "none")
