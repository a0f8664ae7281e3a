"""The named GANs: compositions as data, with the papers' settings as defaults.

An entry holds no code. Its options are looked up on the axes that it chooses, by the same path as
`--set key=value`; an option that none of them has is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tfgan_survey.registry import Registry


@dataclass(frozen=True)
class Recipe:
    """One named composition.

    Args:
        summary: one line: what it is.
        source: paper or survey section, with equation or table where there is one.
        network: name on the network axis.
        objective: name on the objective axis.
        regularizer: name on the regularizer axis.
        optimizer: optimizer of both networks.
        options: options of these, of the loop and of the run, by their flat names.
        quick: steps of the default budget, at most 10 minutes on 2 cores.
        paper: the source's own budget, in words.
    """

    summary: str
    source: str
    network: str
    objective: str
    quick: int
    paper: str
    regularizer: str = "none"
    optimizer: str = "adam"
    options: Mapping[str, Any] = field(default_factory=dict)


_SURVEY = Recipe(
    summary="the survey snippet's MLP pair, mended: no batch norm on the scores",
    source="survey section 2.4",
    network="mlp",
    objective="non_saturating",
    options={"learning_rate": 1e-3, "batch_size": 128},
    quick=4_680,
    paper="100,000 iterations",
)


def _variant(recipe: Recipe, **changes: Any) -> Recipe:
    options = {**recipe.options, **changes.pop("options", {})}
    return Recipe(**{**vars(recipe), **changes, "options": options})


RECIPES: dict[str, Recipe] = {
    "survey_gan": _SURVEY,
    "survey_cgan": _variant(
        _SURVEY,
        summary="survey_gan with labels in both networks",
        source="survey sections 2.4 and 3.2.1.1; Mirza & Osindero 2014, arXiv:1411.1784",
        options={"conditional": True},
    ),
    "survey_gan_legacy": _variant(
        _SURVEY,
        summary="the snippet to the letter: batch norm on the scores, cannot learn",
        source="survey section 2.4.3; the bound is tfgan_survey.theory.batch_norm_score_bound",
        options={"discriminator_output_norm": True},
        quick=2_500,
    ),
}

MODELS = Registry("model", RECIPES)
