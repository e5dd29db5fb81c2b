"""Check strategies, parameters and chains; save chains and put them live."""

from collections.abc import Mapping

from personalization.models import RecommendationChain, RecommendationChainVersion
from personalization.recommendations import shelf
from personalization.recommendations.recipe import Chain, chain_faults, parameter_faults
from personalization.recommendations.strategies.registry import STRATEGIES
from personalization.versions import Content, ContentInvalid, Problem, Publisher


def validate_parameters(
    strategy: str, parameters: object, *, known: Mapping[str, Chain] | None = None
) -> list[Problem]:
    """Return what is wrong with a rule's `strategy` and `parameters`; paths begin there.

    `known` are the live chains, for who checks many; else they are read.
    """
    known = shelf.chains() if known is None else known
    found = parameter_faults(strategy, parameters, chains=known)
    return [Problem(fault.message, path=fault.path) for fault in found]


def labels() -> dict[str, str]:
    """Return what a rule may name: the strategies, then the chains that are live."""
    plain = {name: strategy.label for name, strategy in STRATEGIES.items()}
    live = RecommendationChain.objects.exclude(live=None).values_list("slug", "name")
    return plain | {slug: f"Chain: {name}" for slug, name in live}


def prepare(content: Content) -> Content:
    """Return a checked content of a chain, or raise ContentInvalid."""
    problems = [Problem(fault.message, path=fault.path) for fault in chain_faults(content)]
    if problems:
        raise ContentInvalid(problems)
    return content


def fits(thing: object, content: Mapping[str, object]) -> None:
    """Refuse a chain that has the name of a strategy: a rule could not tell them apart."""
    if isinstance(thing, RecommendationChain) and thing.slug in STRATEGIES:
        raise ContentInvalid(
            [Problem(f"“{thing.slug}” is the name of a strategy; choose another", path="slug")]
        )


publisher = Publisher(versions=RecommendationChainVersion, prepare=prepare, fits=fits)
