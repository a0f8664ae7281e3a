"""What a shell offers after Tab: from real bash, and without TensorFlow."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from tfgan_survey.cli import cli


def offered(*words):
    """Complete the last word."""
    made = ShellComplete(cli, {}, "tfgan-survey", "_TFGAN_SURVEY_COMPLETE")
    return [one.value for one in made.get_completions([*words[:-1]], words[-1])]


@pytest.mark.parametrize(
    ("words", "some", "others"),
    [
        (["comp"], ["completion"], ["train"]),
        (["train", "cgan_"], ["cgan_mnist", "cgan_2014"], ["dcgan"]),
        (["models", "wgan_"], ["wgan_gp"], ["wgan"]),
        (["train", "wgan_gp", "--set", ""], ["network=", "width=", "n_critic="],
         ["network.width="]),
        (["train", "wgan_gp", "--set", "network.w"], ["network.width="], ["width="]),
        (["train", "wgan_gp", "--set", "norm="], ["norm=layer", "norm=none"], ["norm="]),
        (["train", "wgan_gp", "--set", "network=mlp", "--set", "gen"], ["generator_widths="],
         ["generator_norm="]),
        (["train", "wgan_gp", "--set", "network=nonsense", "--set", "kern"], ["kernel_size="], []),
        (["train", "nonsense", "--set", ""], [], ["network="]),
        (["evaluate", "runs/a", "--metrics", "recall,gan_t"], ["recall,gan_test"], ["gan_test"]),
        (["train", "wgan_gp", "--keep-best", "rec"], ["recall"], ["precision_recall"]),
        (["sample", ""], ["cgan_mnist", "runs/a"], ["runs/b", "runs/c"]),
        (["sample", "runs/"], ["runs/a"], ["cgan_mnist"]),
        (["sample", "./x"], ["./x"], []),  # a file, which the shell itself knows best
    ],
)  # fmt: skip
def test_names_are_offered(words, some, others, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        Path("runs", name).mkdir(parents=True)
    Path("runs/c").touch()
    Path("runs/a/settings.json").touch()
    found = offered(*words)
    assert {*some} <= {*found} and not {*others} & {*found}


def test_bash_takes_key_and_value_for_one_word_and_nothing_imports_tensorflow(tmp_path):
    """The printed script in bash; the program fails where it imports TensorFlow or Keras."""
    program = tmp_path / "tfgan-survey"
    code = (
        "import sys; sys.modules.update(tensorflow=None, keras=None, scipy=None, sklearn=None)\n"
        "from tfgan_survey.cli import main; main()"
    )
    program.write_text(f"#!{sys.executable}\n{code}\n")
    program.chmod(0o755)
    script = """
        eval "$($1 completion bash)"
        compopt() { printf '<%s>' "${@: -1}"; }
        try() {
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
            _tfgan_survey_completion "$1"; echo " ${COMPREPLY[@]}"
        }
        try "$1" train cgan_mnist --set network = ml
        try "$1" train cgan_mnist --set kern
        try "$1" train cgan_mnist --probe gan_test,fre
        try "$1" sample /none
    """
    done = subprocess.run(["bash", "-c", script, "bash", program], capture_output=True, text=True,
                          timeout=100, env=os.environ, cwd=tmp_path, check=False)  # fmt: skip
    assert done.stdout.splitlines() == [
        " mlp", "<nospace> kernel_size=", " gan_test,frechet_distance", "<default> "
    ], done.stderr  # fmt: skip


@pytest.mark.parametrize(("shell", "word"), [("zsh", "compdef"), ("fish", "complete --no-files")])
def test_the_other_shells_have_their_script(shell, word, capsys):
    cli.main(["completion", shell], prog_name="tfgan-survey", standalone_mode=False)
    assert word in capsys.readouterr().out
