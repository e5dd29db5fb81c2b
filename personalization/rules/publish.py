"""Check a ruleset: its conditions, and that every outcome names content that exists."""

from collections.abc import Iterator, Mapping
from typing import Any

from personalization.conditions.fields import Catalogue, validate
from personalization.conditions.tree import TreeError
from personalization.models import ContentBlock, RuleSetVersion
from personalization.profiles import catalogue
from personalization.recommendations.chains import validate_parameters
from personalization.recommendations.recipe import Chain
from personalization.recommendations.shelf import chains
from personalization.rules.evaluate import RuleSetDefinition, parse_ruleset
from personalization.versions import Content, ContentInvalid, Problem, Publisher


def prepare(content: Content) -> Content:
    """Return a checked ruleset content, or raise ContentInvalid with the path of each fault."""
    try:
        definition = parse_ruleset(content)
    except TreeError as error:
        raise ContentInvalid([Problem(error.message, path=error.path)]) from error
    problems = [*_condition_problems(definition, catalogue.load()), *_outcome_problems(content)]
    if problems:
        raise ContentInvalid(problems)
    return content


def _condition_problems(definition: RuleSetDefinition, known: Catalogue) -> Iterator[Problem]:
    for i, rule in enumerate(definition.rules):
        for fault in validate(rule.condition, known):
            placed = fault.below(f"rules[{i}].condition")
            yield Problem(placed.message, path=placed.path)


def _outcome_problems(content: Content) -> Iterator[Problem]:
    outcomes = [(f"rules[{i}].outcome", rule["outcome"]) for i, rule in enumerate(content["rules"])]
    outcomes.append(("fallback", content["fallback"]))
    slugs = {str(outcome.get("block")) for _, outcome in outcomes}
    live = ContentBlock.objects.filter(slug__in=slugs).exclude(live=None).select_related("live")
    variants = {
        block.slug: {variant["key"] for variant in block.live.content["variants"]}
        for block in live
        if block.live is not None
    }
    known_chains = chains()
    for path, outcome in outcomes:
        yield from _one_outcome(outcome, path=path, variants=variants, known_chains=known_chains)


def _one_outcome(
    outcome: Mapping[str, Any],
    *,
    path: str,
    variants: Mapping[str, set[str]],
    known_chains: Mapping[str, Chain],
) -> Iterator[Problem]:
    block, variant = str(outcome.get("block")), str(outcome.get("variant"))
    if block not in variants:
        yield Problem(
            f"there is no live content block “{block}”; choose one that is live",
            path=f"{path}.block",
        )
    elif variant not in variants[block]:
        known = ", ".join(sorted(variants[block]))
        yield Problem(
            f"block “{block}” has no variant “{variant}”; it has: {known}", path=f"{path}.variant"
        )
    strategy, parameters = str(outcome.get("strategy") or ""), outcome.get("parameters", {})
    for problem in validate_parameters(strategy, parameters, known=known_chains):
        yield Problem(problem.message, path=f"{path}.{problem.path}")


publisher = Publisher(versions=RuleSetVersion, prepare=prepare)
