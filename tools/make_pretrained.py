"""Make a pretrained model of the package from a run or from an export.

Writes `tfgan_survey/pretrained/NAME/`: weights, settings, scores and the model card. The card's
tables are written anew; what stands from "## Limits" on is kept, and is read from `--limits` the
first time.

    python tools/make_pretrained.py runs/cgan_mnist
    python tools/make_pretrained.py saved_models/cgan_mnist/1 --limits limits.md
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_survey.data.sets.catalogue import DATASETS
from tfgan_survey.evaluation.output import format_value
from tfgan_survey.export.saved_model import CARD as EXPORT_CARD
from tfgan_survey.files import write_json, write_text
from tfgan_survey.models.digest import weights_digest
from tfgan_survey.pretrained import CARD, ROOT
from tfgan_survey.pretrained.weights import load_weights, rebuilt, save_weights
from tfgan_survey.registry import shown_value
from tfgan_survey.settings import Settings
from tfgan_survey.training import RunFolder, load_run
from tfgan_survey.zoo import MODELS, complete

KEPT = "## Limits"


def main() -> None:
    """Write the folder and check that it gives the same weights back."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("source", type=Path, help="finished run folder, or version of an export")
    parser.add_argument("--name", help="of the pretrained model [the model's]")
    parser.add_argument("--limits", type=Path, help="text of the card from '## Limits' on")
    parser.add_argument("--output", type=Path, default=ROOT, help="folder of all models")
    asked = parser.parse_args()
    exported = (asked.source / EXPORT_CARD).is_file()
    model, record, scores = from_export(asked.source) if exported else from_run(asked.source)
    settings = complete(Settings.from_dict(record["settings"]))
    folder = asked.output / (asked.name or settings.model)
    limits = kept_part(folder / CARD, asked.limits)
    save_weights(model, folder, settings, record["versions"])
    if scores is not None:
        write_json(folder / "metrics.json", scores)
    write_text(folder / CARD, card(folder.name, settings, record["versions"], scores, limits))
    again = load_weights(folder)
    if weights_digest(again) != weights_digest(model):
        raise SystemExit(f"{folder} does not give the weights of {asked.source} back.")
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"wrote {folder}: {size:,} bytes, {len(again.exported_variables())} arrays")


def from_run(path: Path):
    """Return model, record and scores of a finished run."""
    run = RunFolder(path)
    if not run.finished:
        raise SystemExit(f"{path} is no finished run.")
    scores = run.metrics
    return load_run(path), run.record(), read(scores) if scores.is_file() else None


def from_export(version: Path):
    """Return the model of an export, checked against the export's own samples."""
    facts = read(version / EXPORT_CARD)
    reader = tf.train.load_checkpoint(str(version / "variables" / "variables"))
    name = "_restored/{}/.ATTRIBUTES/VARIABLE_VALUE"
    count = sum(key.startswith("_restored/") for key in reader.get_variable_to_shape_map())
    arrays = [reader.get_tensor(name.format(index)) for index in range(count)]
    model = rebuilt(facts, arrays, version)
    if weights_digest(model) != facts["weights"]:
        raise SystemExit(f"{version}: the weights are not those that its card names.")
    seeds = tf.range(20, dtype=tf.int64)
    inputs = {"seeds": seeds}
    if facts["num_classes"] is not None:
        inputs["labels"] = tf.cast(seeds % facts["num_classes"], tf.int32)
    served = tf.saved_model.load(str(version)).signatures["sample"](**inputs)["images"].numpy()
    apart = np.abs(model.sample(**inputs).numpy() - served).max()
    if not apart <= 1e-5:
        raise SystemExit(f"{version}: samples differ by {apart} from those of the export.")
    return model, facts, facts.get("scores")


def kept_part(old: Path, given: Path | None) -> str:
    """Return the card's text that people write: given, or that of the old card."""
    if given is not None:
        return given.read_text(encoding="utf-8").strip()
    if not old.is_file():
        raise SystemExit(f"{old} is not there yet: give the text from '{KEPT}' on by --limits.")
    _, heading, rest = old.read_text(encoding="utf-8").partition(KEPT)
    return heading + rest.rstrip()


def card(name: str, settings: Settings, versions, scores: Any, limits: str) -> str:
    """Return the model card."""
    recipe = MODELS[settings.model]
    known = DATASETS.get(settings.dataset)
    about = "" if known is None else f" ({known.about})"
    budget = f"{settings.steps:,} steps" if settings.steps else f"{settings.epochs:,} epochs"
    lines = [
        f"# {name}",
        "",
        f"{recipe.summary[0].upper()}{recipe.summary[1:]}. Source: {recipe.source}.",
        "",
        "```python",
        "from tfgan_survey import load_pretrained",
        "",
        f'images = load_pretrained("{name}").generate(16, seed=0)',
        "```",
        "",
        "## Data",
        f"`{settings.dataset}`{about}, split `{settings.split}`, "
        f"with{'' if settings.conditional else 'out'} labels.",
        "",
        "## Settings",
        f"`tfgan-survey train {settings.model}`, {budget} of {settings.batch_size} images, seed "
        f"{settings.seed}; TensorFlow {versions['tensorflow']}, Keras {versions['keras']}. Every "
        "setting stands in `settings.json` beside this card; `tfgan-survey train --config` reads "
        "it.",
        "",
        "| part | value | options |",
        "|---|---|---|",
    ]
    for axis, choice in settings.parts.items():
        lines.append(f"| {axis} | `{choice.name}` | {words(choice.options)} |")
    lines += [f"| loop | | {words(settings.loop)} |", "", "## Figures"]
    if scores is None:
        lines.append("None were measured.")
    else:
        lines += figures(name, scores)
    return "\n".join([*lines, "", limits, ""])


def figures(name: str, scores: Any) -> list[str]:
    """Return the measurements as a table, with the command that wrote them."""
    first = scores["measurements"][0]
    lines = [
        f"`tfgan-survey evaluate {name}`: {first['num']:,} samples, seed "
        f"{scores['seed']}; `metrics.json` has the protocol of each.",
        "",
        "| | samples | real images | untrained |",
        "|---|---|---|---|",
    ]
    for one in scores["measurements"]:
        cells = {ref["name"].split()[0]: shown(ref) for ref in one["reference"]}
        lines.append(
            f"| {one['name']} | {shown(one)} | {cells.get('real', '-')} | "
            f"{cells.get('untrained', '-')} |"
        )
    return lines


def shown(one: Any) -> str:
    """Return a value with its error."""
    return format_value(one["value"], one["standard_error"])


def words(options) -> str:
    """Return options as one text."""
    return ", ".join(f"{key} {shown_value(value)}" for key, value in options.items())


def read(path: Path) -> Any:
    """Return a JSON file's value."""
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
