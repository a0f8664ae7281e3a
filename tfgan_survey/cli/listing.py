"""Commands that list what there is: `models`."""

from __future__ import annotations

import click

from tfgan_survey.cli.completing import complete_models, complete_settings
from tfgan_survey.cli.options import WIDTH, parse_settings, table
from tfgan_survey.pretrained import PRETRAINED
from tfgan_survey.zoo import MODELS
from tfgan_survey.zoo.describing import Block, describe


@click.command()
@click.argument("name", required=False, shell_complete=complete_models)
@click.option("--set", "parts", multiple=True, metavar="AXIS=VALUE",
              shell_complete=complete_settings,
              help="With NAME: the settings of another value on an axis.")  # fmt: skip
def models(name: str | None, parts: tuple[str, ...]) -> None:
    """List the named models, or all settings of the model NAME.

    Each setting comes with its default in this model, with what it accepts and what it means; an
    axis with the values that it has. All are set by `train --set KEY=VALUE`.
    """
    if name is not None:
        _settings(name, parse_settings(parts))
        return
    if parts:
        raise click.UsageError("--set without NAME: name the model.")
    rows = [("name", "made of", "source", "data", "quick budget")]
    for model, recipe in MODELS.items():
        made_of = " + ".join(part.name for part in recipe.parts.values())
        data = recipe.run.get("dataset", "mnist")
        rows.append((model, made_of, recipe.source, data, f"{recipe.quick:,} steps"))
    table(rows, WIDTH)
    click.echo("\nall settings of one: tfgan-survey models NAME")
    click.echo(f"trained already, in place of a run: {', '.join(PRETRAINED)}")


def _settings(name: str, parts: dict[str, str]) -> None:
    recipe = MODELS[name]
    rows = [("summary", recipe.summary), ("source", recipe.source),
            ("source's budget", recipe.paper)]  # fmt: skip
    if name in PRETRAINED:
        rows.append(("pretrained", f"tfgan-survey sample {name} --output samples.png"))
    table([(f"{title}:", text) for title, text in rows], WIDTH)
    for block in describe(name, parts):
        click.echo()
        _heading(block)
        if block.options:
            table(
                [("setting", "default", "accepts", "meaning")]
                + [(one.key, one.default, one.accepts, one.about) for one in block.options],
                WIDTH,
            )


def _heading(block: Block) -> None:
    if block.name in ("loop", "run"):
        click.echo({"loop": f"LOOP ({block.about})", "run": "RUN"}[block.name])
        return
    click.echo(f"{block.name.upper()}: --set {block.name}={block.value}")
    rows = [("this:", f"{block.about}{f' ({block.source})' if block.source else ''}")]
    if others := [value for value in block.values if value != block.value]:
        rows.append(("others:", ", ".join(others)))
    table(rows, WIDTH)
