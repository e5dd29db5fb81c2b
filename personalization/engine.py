"""Decide for a batch of profiles what each slot says: the one facade for sends, previews, API.

`prepare` reads the live versions once; `personalize` is then a function of the profiles, apart
from one look-up of the recommended products for the whole batch, and of what the desk gives.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache, reduce
from typing import Any

from consent.permission import Permission
from personalization import receipts, slots
from personalization.conditions.fields import Catalogue
from personalization.conditions.tree import NOTHING, Needs, needs
from personalization.content import languages
from personalization.content.blocks import CompiledBlock, RenderedBlock
from personalization.content.context import REASON, template_context
from personalization.content.liquid import TemplateProblem
from personalization.models import RuleSet
from personalization.offers import terms
from personalization.offers.deciding import Settled, offers_of, settle
from personalization.offers.desk import CLOSED, Desk
from personalization.profiles import catalogue
from personalization.profiles.loaded import LoadedProfile, nobody
from personalization.receipts.facts import properties_asked
from personalization.receipts.parts import Part
from personalization.recommendations import shelf
from personalization.recommendations.offer import Offer, Offers, Shown, Wish, offers_for
from personalization.rules.evaluate import Decision, fallback
from personalization.slots import Slot, SlotUnfilled

__all__ = [
    "STOCK_TTL", "Content", "Plan", "Slot", "SlotUnfilled", "WrongPermission", "for_nobody",
    "personalize", "prepare", "told",
]  # fmt: skip


# How long products that were in stock may be shown as such.
STOCK_TTL = timedelta(minutes=5)


class WrongPermission(ValueError):
    """A profile came without the permission that covers it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The live versions behind one campaign's slots, compiled."""

    slots: tuple[Slot, ...]
    blocks: Mapping[str, CompiledBlock]
    catalogue: Catalogue
    needs: Needs
    # The event properties that conditions look at: a receipt keeps those only.
    properties: frozenset[str]
    shelf: shelf.Shelf | None
    recommendation_count: int
    # What rules can give, by its short name; empty where no rule names an offer.
    offers: Mapping[str, terms.Terms]


@dataclass(frozen=True, slots=True)
class Content:
    """What one person gets: rendered blocks, the context templates see, and the reasons.

    With a `problem` a block failed on this person's data: nothing may be made of the rest.
    """

    blocks: Mapping[str, RenderedBlock]
    context: Mapping[str, Any]
    decision: dict[str, Any]
    problem: TemplateProblem | None = None
    # What a receipt keeps beside the decision: products as shown, and the words of each reason.
    cards: Sequence[Part] = ()
    reasons: Sequence[str] = field(default=(), repr=False)
    # A code belongs to the person: it is sealed with the receipt's inputs.
    offers: Mapping[str, Mapping[str, object]] = field(default_factory=dict, repr=False)


def prepare(rulesets: Mapping[str, RuleSet], *, recommendation_count: int, now: datetime) -> Plan:
    """Read and compile the live versions of the rulesets and of every block they name."""
    ready = tuple(slots.live_slot(name, ruleset) for name, ruleset in rulesets.items())
    trees = [rule.condition for slot in ready for rule in slot.ruleset.definition.rules]
    return Plan(
        slots=ready,
        blocks=slots.live_blocks(ready),
        catalogue=catalogue.load(),
        needs=reduce(Needs.union, map(needs, trees), NOTHING),
        properties=properties_asked(trees),
        shelf=shelf.live(now=now),
        recommendation_count=recommendation_count,
        offers=terms.load(
            offers_of(rule.outcome for slot in ready for rule in slot.ruleset.definition.rules)
        ),
    )


def personalize(
    profiles: Sequence[LoadedProfile],
    *,
    plan: Plan,
    permissions: Mapping[int, Permission],
    now: datetime,
    desk: Desk = CLOSED,
) -> dict[int, Content]:
    """Decide for each profile; the permission of each is required and must be its own.

    `desk` gives offers out; without one nobody gets any, and rules that give one do not apply.
    """
    for profile in profiles:
        permission = permissions.get(profile.subject_id)
        is_own = profile.permission.subject_id == profile.subject_id
        if permission != profile.permission or not is_own:
            raise WrongPermission(
                f"subject {profile.subject_id} was loaded under another permission"
            )
    settled = _settled(profiles, plan=plan, desk=desk, now=now)
    offers = offers_for(
        [(profile, _wish(each.decisions)) for profile, each in zip(profiles, settled, strict=True)],
        shelf=plan.shelf,
        count=plan.recommendation_count,
    )
    own = _own_lists(profiles, settled, plan=plan)
    return {
        profile.subject_id: _content(
            profile, each, plan=plan, offers=offers, own=own.get(profile.subject_id, {}), now=now
        )
        for profile, each in zip(profiles, settled, strict=True)
    }


_Decisions = Mapping[str, Decision]


def _settled(
    profiles: Sequence[LoadedProfile], *, plan: Plan, desk: Desk, now: datetime
) -> list[Settled]:
    decided = [(profile, _decide(profile, plan=plan, now=now)) for profile in profiles]
    if not plan.offers and desk is CLOSED:
        return [Settled(decisions) for _, decisions in decided]
    rulesets = {slot.name: slot.ruleset for slot in plan.slots}
    return settle(decided, rulesets=rulesets, offers=plan.offers, desk=desk, now=now)


def for_nobody(plan: Plan, *, now: datetime) -> Content:
    """Return what each slot says when nobody is known: the fallbacks, products for everybody."""
    profile = nobody(purpose="", now=now)
    decisions = {slot.name: fallback(slot.ruleset) for slot in plan.slots}
    offers = offers_for(
        [(profile, _wish(decisions))], shelf=plan.shelf, count=plan.recommendation_count
    )
    return _content(profile, Settled(decisions), plan=plan, offers=offers, own={}, now=now)


def _decide(profile: LoadedProfile, *, plan: Plan, now: datetime) -> _Decisions:
    return {
        slot.name: slots.decide(slot, profile.facts, now, pseudonym=profile.pseudonym)
        for slot in plan.slots
    }


def _wish(decisions: _Decisions) -> Wish:
    """What the mail as a whole shows: the wish of the first slot that has one."""
    return next(filter(None, map(_wish_of, decisions.values())), Wish())


def _wish_of(decision: Decision) -> Wish | None:
    strategy = str(decision.outcome.get("strategy") or "")
    parameters = decision.outcome.get("parameters")
    if not strategy and not parameters:
        return None
    return Wish(strategy, parameters if isinstance(parameters, dict) else {})


def _own_lists(
    profiles: Sequence[LoadedProfile], settled: Sequence[Settled], *, plan: Plan
) -> dict[int, dict[str, Offer]]:
    """Recommend once more, all people of a slot at once, where it wants what the first does not."""
    found: dict[int, dict[str, Offer]] = {}
    for slot in plan.slots[1:]:
        wanted = [
            (profile, wish)
            for profile, each in zip(profiles, settled, strict=True)
            if (wish := _wish_of(each.decisions[slot.name])) and wish != _wish(each.decisions)
        ]
        if wanted:
            offers = offers_for(wanted, shelf=plan.shelf, count=plan.recommendation_count)
            for profile, _ in wanted:
                mine = found.setdefault(profile.subject_id, {})
                mine[slot.name] = offers.of(profile.subject_id)
    return found


def _content(
    profile: LoadedProfile,
    settled: Settled,
    *,
    plan: Plan,
    offers: Offers,
    own: Mapping[str, Offer],
    now: datetime,
) -> Content:
    offer = offers.of(profile.subject_id)
    context = template_context(
        values=profile.facts.values,
        personal=profile.personal,
        recommendations=offer.products,
        extras=slots.of_first(settled.offers),
    )
    filled = slots.fill(
        settled.decisions,
        blocks=plan.blocks,
        context=context,
        offers=settled.offers,
        lists={name: each.products for name, each in own.items()},
        spoken=languages.spoken(profile.facts.values),
    )
    lists = (offer, *own.values())
    return Content(
        blocks=filled.blocks,
        context=context,
        decision=_receipt(profile, settled, plan=plan, offer=offer, own=own, now=now),
        problem=filled.problem,
        cards=[card for each in lists for card in _cards(each)],
        reasons=[str(product[REASON]) for each in lists for product in each.products],
        offers=settled.offers,
    )


def _cards(offer: Offer) -> list[Part]:
    """Return each product as everybody saw it, without the words for this person."""
    return [_card(shown) for shown in offer.shown]


@lru_cache(maxsize=4096)
def _card(shown: Shown) -> Part:
    """Hash a product as it is shown once, not for each of the people who see it."""
    return receipts.part(dict(shown))


def _receipt(
    profile: LoadedProfile,
    settled: Settled,
    *,
    plan: Plan,
    offer: Offer,
    own: Mapping[str, Offer],
    now: datetime,
) -> dict[str, Any]:
    return {
        "permission": told(profile.permission),
        "slots": {
            slot.name: slots.told(
                slot,
                settled.decisions[slot.name],
                blocks=plan.blocks,
                withheld=settled.withheld.get(slot.name, ()),
                spoken=languages.spoken(profile.facts.values),
            )
            for slot in plan.slots
        },
        **_told_list(offer),
        **({"own": {name: _told_list(each) for name, each in own.items()}} if own else {}),
        "model": plan.shelf.number if plan.shelf else None,
        "ages": _ages(plan, now=now),
    }


def _told_list(offer: Offer) -> dict[str, Any]:
    return {
        "recommendations": offer.reasons,
        "strategy": offer.recipe,
        "cards": [card.key for card in _cards(offer)],
    }


def told(permission: Permission) -> dict[str, Any]:
    """Return what a receipt keeps of a permission."""
    return {
        "purpose": permission.purpose,
        "granted": sorted(permission.granted),
        "may_profile": permission.may_profile,
        "may_track": permission.may_track,
    }


def _ages(plan: Plan, *, now: datetime) -> dict[str, int]:
    """Return how old, in seconds, what the whole batch shares was when it decided."""
    if plan.shelf is None:
        return {}
    return {"stock": int((now - plan.shelf.read_at).total_seconds())}
