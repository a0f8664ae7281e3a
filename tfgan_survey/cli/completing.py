"""What a shell offers after Tab, and the command that prints the shell's script.

Nothing here imports TensorFlow: names come from the recipes, from `zoo/options.json` and from the
folders there are.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    get_completion_class,
)

from tfgan_survey.console import PathType
from tfgan_survey.errors import UnknownNameError
from tfgan_survey.pretrained import PRETRAINED
from tfgan_survey.zoo import MODELS
from tfgan_survey.zoo.describing import known_options, settable

_RUNS = Path("runs")
_MARKS = ("settings.json", "model.keras", "checkpoints")


class RunType(PathType):
    """A path of a run, or the name of a pretrained model; completed with those that there are."""

    def shell_complete(self, ctx, param, incomplete: str) -> list[CompletionItem]:
        """Return the pretrained models and run folders that begin so; files where there are none.

        Args:
            ctx: of the command.
            param: that takes the run.
            incomplete: what was typed.
        """
        folders = [entry.path for entry in os.scandir(_RUNS)] if _RUNS.is_dir() else []
        runs = [path for path in folders if any(Path(path, mark).exists() for mark in _MARKS)]
        found = _beginning([*PRETRAINED, *sorted(runs)], incomplete)
        return found or [CompletionItem(incomplete, type="file")]


def complete_models(ctx, param, incomplete: str) -> list[CompletionItem]:
    """Return the named models that begin so, each with its summary.

    Args:
        ctx: of the command.
        param: that takes the name.
        incomplete: what was typed.
    """
    return [
        CompletionItem(name, help=recipe.summary)
        for name, recipe in MODELS.items()
        if name.startswith(incomplete)
    ]


def complete_metrics(ctx, param, incomplete: str) -> list[CompletionItem]:
    """Return a list of metrics whose last one begins so.

    Args:
        ctx: of the command.
        param: that takes the names, comma-separated.
        incomplete: what was typed.
    """
    before, comma, last = incomplete.rpartition(",")
    given = before.split(",")
    names = [name for name in known_options()["metrics"] if name not in given]
    return _beginning((f"{before}{comma}{name}" for name in names), f"{before}{comma}{last}")


def complete_outcome(ctx, param, incomplete: str) -> list[CompletionItem]:
    """Return the single measurements that begin so.

    Args:
        ctx: of the command.
        param: that takes one.
        incomplete: what was typed.
    """
    metrics = known_options()["metrics"]
    return _beginning(dict.fromkeys(one for found in metrics.values() for one in found), incomplete)


def complete_settings(ctx, param, incomplete: str) -> list[CompletionItem]:
    """Return keys of `--set` that begin so, with `=`, or after a `=` the values that there are.

    Args:
        ctx: of the command; the model and the axes that were named before count.
        param: `--set`.
        incomplete: what was typed.
    """
    # An option that still lacks its value stops the parsing before the arguments.
    model = ctx.params.get("model") or ctx.params.get("name") or next(iter(ctx.args), None)
    if model not in MODELS:
        return []
    given = dict(pair.split("=", 1) for pair in ctx.params.get(param.name) or () if "=" in pair)
    axes = {block for block, values in settable(model).items() if "." not in block and values}
    try:
        keys = settable(model, {key: value for key, value in given.items() if key in axes})
    except UnknownNameError:
        keys = settable(model)  # an option with values of its own, or a name still to be mended
    key, equals, _ = incomplete.partition("=")
    if equals:
        return _beginning((f"{key}={value}" for value in keys.get(key, ())), incomplete)
    # Full keys only where one has begun to type one, or no shorter one means it alone.
    offered = [name for name in keys if "." in incomplete or "." not in name]
    return _beginning((f"{name}=" for name in sorted(offered)), incomplete)


def _beginning(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


# ---------------------------------------------------------------------- the shells' scripts


_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' response completion type value
    response=$(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD \\
        %(complete_var)s=bash_complete $1)
    COMPREPLY=()
    for completion in $response; do
        IFS=',' read -r type value <<< "$completion"
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value") ;;
        esac
        [[ $value == *= ]] && compopt -o nospace
    done
    return 0
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


@add_completion_class
class _Bash(BashComplete):
    """Bash, which takes KEY=VALUE for three words and would put a space after KEY=.

    Click's own script completes the value as a word of its own, without its key.
    """

    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one to complete and that word, KEY=VALUE as one."""
        words = os.environ["COMP_WORDS"].split("\n")[: int(os.environ["COMP_CWORD"]) + 1]
        joined: list[str] = []
        for word in words:
            if joined and (word == "=" or joined[-1].endswith("=")):
                joined[-1] += word
            else:
                joined.append(word)
        return joined[1:-1], joined[-1]

    def format_completion(self, item: CompletionItem) -> str:
        """Return one line of the answer; of KEY=VALUE what stands behind the `=`."""
        _, _, value = item.value.partition("=")
        return f"{item.type},{value or item.value}"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that lets SHELL complete commands, names, settings and runs.

    In ~/.bashrc: eval "$(tfgan-survey completion bash)"; in ~/.zshrc the same with zsh; for fish:
    tfgan-survey completion fish > ~/.config/fish/completions/tfgan-survey.fish
    """
    made = get_completion_class(shell)
    root = click.get_current_context().find_root()
    click.echo(made(root.command, {}, "tfgan-survey", "_TFGAN_SURVEY_COMPLETE").source())
