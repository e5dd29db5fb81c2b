"""Decide for a batch of profiles what each slot says: the one facade for sends, previews, API.

`prepare` reads the live versions once; `personalize` is then a function of the profiles, apart
from one look-up of the recommended products for the whole batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any

from consent.permission import Permission
from personalization.conditions.fields import Catalogue
from personalization.conditions.tree import NOTHING, Needs, needs
from personalization.content.blocks import CompiledBlock, RenderedBlock, compile_block, render
from personalization.content.liquid import TemplateProblem
from personalization.content.liquid_runtime import plain
from personalization.models import ContentBlock, RuleSet
from personalization.profiles import catalogue
from personalization.profiles.loaded import LoadedProfile
from personalization.recommendations import shelf
from personalization.recommendations.offer import Offer, Offers, offers_for
from personalization.rules.evaluate import (
    CompiledRuleSet,
    Decision,
    compile_ruleset,
    evaluate,
    parse_ruleset,
)


class SlotUnfilled(Exception):
    """A slot has no live ruleset or a ruleset names a block that is not live."""


class WrongPermission(ValueError):
    """A profile came without the permission that covers it."""


@dataclass(frozen=True, slots=True)
class Slot:
    name: str
    ruleset: CompiledRuleSet
    slug: str
    version: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The live versions behind one campaign's slots, compiled."""

    slots: tuple[Slot, ...]
    blocks: Mapping[str, CompiledBlock]
    catalogue: Catalogue
    needs: Needs
    shelf: shelf.Shelf | None
    recommendation_count: int


@dataclass(frozen=True, slots=True)
class Content:
    """What one person gets: rendered blocks, the context templates see, and the reasons.

    With a `problem` a block failed on this person's data: nothing may be made of the rest.
    """

    blocks: Mapping[str, RenderedBlock]
    context: Mapping[str, object]
    decision: dict[str, Any]
    problem: TemplateProblem | None = None


def prepare(slots: Mapping[str, RuleSet], *, recommendation_count: int, now: datetime) -> Plan:
    """Read and compile the live versions of the rulesets and of every block they name."""
    ready = tuple(_slot(name, ruleset) for name, ruleset in slots.items())
    trees = [rule.condition for slot in ready for rule in slot.ruleset.definition.rules]
    return Plan(
        slots=ready,
        blocks=_blocks(ready),
        catalogue=catalogue.load(),
        needs=reduce(Needs.union, map(needs, trees), NOTHING),
        shelf=shelf.live(now=now),
        recommendation_count=recommendation_count,
    )


def personalize(
    profiles: Sequence[LoadedProfile],
    *,
    plan: Plan,
    permissions: Mapping[int, Permission],
    now: datetime,
) -> dict[int, Content]:
    """Decide for each profile; the permission of each is required and must be its own."""
    for profile in profiles:
        permission = permissions.get(profile.subject_id)
        is_own = profile.permission.subject_id == profile.subject_id
        if permission != profile.permission or not is_own:
            raise WrongPermission(
                f"subject {profile.subject_id} was loaded under another permission"
            )
    decided = [_decide(profile, plan=plan, now=now) for profile in profiles]
    offers = offers_for(
        [
            (profile, _strategy(decisions))
            for profile, decisions in zip(profiles, decided, strict=True)
        ],
        shelf=plan.shelf,
        count=plan.recommendation_count,
    )
    return {
        profile.subject_id: _content(profile, decisions, plan=plan, offers=offers)
        for profile, decisions in zip(profiles, decided, strict=True)
    }


_Decisions = dict[str, Decision]


def _slot(name: str, ruleset: RuleSet) -> Slot:
    if ruleset.live is None:
        raise SlotUnfilled(f"slot “{name}”: ruleset “{ruleset}” has no live version; put one live")
    definition = parse_ruleset(ruleset.live.content)
    compiled = compile_ruleset(definition)
    return Slot(name=name, ruleset=compiled, slug=ruleset.slug, version=ruleset.live.number)


def _blocks(slots: Sequence[Slot]) -> dict[str, CompiledBlock]:
    wanted = {
        str(outcome["block"])
        for slot in slots
        for outcome in (
            *(rule.outcome for rule in slot.ruleset.definition.rules),
            slot.ruleset.definition.fallback,
        )
    }
    live = ContentBlock.objects.filter(slug__in=wanted).exclude(live=None).select_related("live")
    blocks = {
        block.slug: compile_block(block.slug, version=block.live.number, content=block.live.content)
        for block in live
        if block.live is not None
    }
    if missing := sorted(wanted - set(blocks)):
        raise SlotUnfilled(f"content block “{missing[0]}” has no live version; put one live")
    return blocks


def _decide(profile: LoadedProfile, *, plan: Plan, now: datetime) -> _Decisions:
    return {slot.name: evaluate(slot.ruleset, profile.facts, now) for slot in plan.slots}


def _strategy(decisions: _Decisions) -> str:
    """The first slot whose outcome names a strategy decides how products are found."""
    named = (str(decision.outcome.get("strategy") or "") for decision in decisions.values())
    return next(filter(None, named), "")


def _content(
    profile: LoadedProfile, decisions: _Decisions, *, plan: Plan, offers: Offers
) -> Content:
    offer = offers.of(profile.subject_id)
    context = plain(
        {
            "customer": {
                "first_name": profile.personal.get("first_name", ""),
                "last_name": profile.personal.get("last_name", ""),
                "city": profile.facts.values.get("attributes.city", ""),
            },
            "traits": {
                path.removeprefix("traits."): value
                for path, value in profile.facts.values.items()
                if path.startswith("traits.")
            },
            "recommendations": offer.products,
        }
    )
    blocks, problem = {}, None
    for slot in plan.slots:
        outcome = decisions[slot.name].outcome
        variant = plan.blocks[str(outcome["block"])].variant(str(outcome["variant"]))
        try:
            blocks[slot.name] = render(variant, context)
        except TemplateProblem as found:
            problem = found
    return Content(
        blocks=blocks,
        context=context,
        decision=_receipt(profile, decisions, plan=plan, offer=offer),
        problem=problem,
    )


def _receipt(
    profile: LoadedProfile, decisions: _Decisions, *, plan: Plan, offer: Offer
) -> dict[str, Any]:
    permission = profile.permission
    return {
        "permission": {
            "purpose": permission.purpose,
            "granted": sorted(permission.granted),
            "may_profile": permission.may_profile,
            "may_track": permission.may_track,
        },
        "slots": {
            slot.name: _slot_receipt(slot, decisions[slot.name], plan=plan) for slot in plan.slots
        },
        "recommendations": offer.reasons,
        "model": plan.shelf.number if plan.shelf else None,
    }


def _slot_receipt(slot: Slot, decision: Decision, *, plan: Plan) -> dict[str, Any]:
    block = plan.blocks[str(decision.outcome["block"])]
    return {
        "ruleset": slot.slug,
        "version": slot.version,
        "rule": decision.rule_key,
        "rule_name": decision.rule_name,
        "is_fallback": decision.is_fallback,
        "considered": [[key, hit] for key, hit in decision.considered],
        "block": block.slug,
        "block_version": block.version,
        "variant": block.variant(str(decision.outcome["variant"])).key,
    }
