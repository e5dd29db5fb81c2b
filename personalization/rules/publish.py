"""Check a ruleset: its conditions, and that every outcome names content that exists."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from personalization.conditions.fields import Catalogue, validate
from personalization.conditions.tree import TreeError
from personalization.models import ContentBlock, Offer, RuleSetVersion
from personalization.profiles import catalogue
from personalization.recommendations.chains import validate_parameters
from personalization.recommendations.recipe import Chain
from personalization.recommendations.shelf import chains
from personalization.rules.evaluate import RuleSetDefinition, parse_ruleset
from personalization.versions import Content, ContentInvalid, Problem, Publisher

OUTCOME_KEYS = ("block", "variant", "strategy", "parameters", "offer", "value")


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
    named = {str(outcome["offer"]) for _, outcome in outcomes if outcome.get("offer")}
    offers = set(Offer.objects.filter(slug__in=named).values_list("slug", flat=True))
    for path, outcome in outcomes:
        yield from _one_outcome(outcome, path=path, variants=variants, known_chains=known_chains)
        yield from _offer_problems(outcome, path=path, offers=offers)


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
    for key in outcome:
        if key not in OUTCOME_KEYS:
            allowed = ", ".join(OUTCOME_KEYS)
            yield Problem(f"an outcome has no “{key}”; it has: {allowed}", path=f"{path}.{key}")


def _offer_problems(
    outcome: Mapping[str, Any], *, path: str, offers: Collection[str]
) -> Iterator[Problem]:
    offer = outcome.get("offer")
    if not offer:
        return
    if path == "fallback":
        yield Problem(
            "an offer can run out and the fallback must not: take it away here and add a last "
            "rule for everybody that gives it",
            path=f"{path}.offer",
        )
    elif offer not in offers:
        yield Problem(
            f"there is no offer “{offer}”; choose one, or add it first", path=f"{path}.offer"
        )


publisher = Publisher(versions=RuleSetVersion, prepare=prepare)
