"""What the command does to the process before anything else."""

import subprocess
import sys

import pytest

RUN = """
import sys
from tfgan_survey import cli
try:
    cli.main(["models"])
except SystemExit as stop:
    with open(sys.argv[1], "w") as file:
        file.write(f"{stop.code} {file.fileno()}")
"""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_no_file_gets_the_number_of_a_closed_stream(tmp_path, closed):
    line = f'exec "{sys.executable}" -c "$0" "$1" {closed}'
    told = tmp_path / "told"
    subprocess.run(["bash", "-c", line, RUN, told], capture_output=True, timeout=120, check=False)
    code, number = map(int, told.read_text().split())
    assert code == 0 and number > 2
