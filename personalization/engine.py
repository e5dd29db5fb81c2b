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
from personalization.recommendations.offer import Offer, Shown, Wish, lists_for
from personalization.rules.evaluate import Decision, Outcome, fallback
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
    # Product keys in the open cart, where a list looked at it.
    cart: Sequence[int] = field(default=(), repr=False)


def prepare(rulesets: Mapping[str, RuleSet], *, recommendation_count: int, now: datetime) -> Plan:
    """Read and compile the live versions of the rulesets and of every block they name."""
    known = catalogue.load()
    ready = tuple(slots.live_slot(name, each, known=known) for name, each in rulesets.items())
    trees = [rule.condition for slot in ready for rule in slot.ruleset.definition.rules]
    return Plan(
        slots=ready,
        blocks=slots.live_blocks(ready),
        catalogue=known,
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
    batch = _Batch(plan, now=now)
    return {
        profile.subject_id: batch.content(profile, each, lists=lists)
        for profile, each, lists in zip(
            profiles, settled, batch.lists(profiles, settled), strict=True
        )
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
    batch, settled = _Batch(plan, now=now), Settled(decisions)
    lists = {_WHOLE: batch.lists([profile], [settled])[0][_WHOLE]}
    return batch.content(profile, settled, lists=lists)


def _decide(profile: LoadedProfile, *, plan: Plan, now: datetime) -> _Decisions:
    return {
        slot.name: slots.decide(slot, profile.facts, now, pseudonym=profile.pseudonym)
        for slot in plan.slots
    }


def _wish_of(outcome: Outcome) -> Wish | None:
    strategy = str(outcome.get("strategy") or "")
    parameters = outcome.get("parameters")
    if not strategy and not parameters:
        return None
    return Wish(strategy, parameters if isinstance(parameters, dict) else {})


# The list of the mail as a whole, among those of slots.
_WHOLE = ""
_Lists = Mapping[str, Offer]


class _Batch:
    """What the people of a batch share is worked out once: wishes, cards, what a receipt tells.

    By identity: outcomes and decisions live as long as the batch, and comparing takes longer.
    """

    def __init__(self, plan: Plan, *, now: datetime) -> None:
        self._plan = plan
        self._now = now
        self._ages = shelf.ages(plan.shelf, now=now) if plan.shelf else {}
        self._wishes: dict[int, Wish | None] = {}
        self._told: dict[tuple[str, int, str], dict[str, Any]] = {}
        self._parts: dict[int, Part] = {}
        self._fallbacks = {slot.name: slot.ruleset.definition.fallback for slot in plan.slots}

    def lists(
        self, profiles: Sequence[LoadedProfile], settled: Sequence[Settled]
    ) -> list[dict[str, Offer]]:
        """Recommend to all at once: for each mail as a whole, and for slots that want others."""
        wishes = [self._wanted(each.decisions) for each in settled]
        wanted = [
            (profile, wish)
            for profile, mine in zip(profiles, wishes, strict=True)
            for wish in mine.values()
        ]
        plan = self._plan
        found = iter(lists_for(wanted, shelf=plan.shelf, count=plan.recommendation_count))
        return [{name: next(found) for name in mine} for mine in wishes]

    def _wanted(self, decisions: _Decisions) -> dict[str, Wish]:
        """The wish of the first slot that has one is that of the whole; others may differ."""
        if len(decisions) == 1:
            [decision] = decisions.values()
            return {_WHOLE: self._wish(decision.outcome) or Wish()}
        own = {name: self._wish(decision.outcome) for name, decision in decisions.items()}
        whole = next(filter(None, own.values()), Wish())
        others = {
            slot.name: wish
            for slot in self._plan.slots[1:]
            if (wish := own[slot.name]) is not None and wish is not whole and wish != whole
        }
        return {_WHOLE: whole, **others}

    def _wish(self, outcome: Outcome) -> Wish | None:
        if id(outcome) not in self._wishes:
            self._wishes[id(outcome)] = _wish_of(outcome)
        return self._wishes[id(outcome)]

    def content(self, profile: LoadedProfile, settled: Settled, *, lists: _Lists) -> Content:
        whole, spoken = lists[_WHOLE], languages.spoken(profile.facts.values)
        context = template_context(
            values=profile.facts.values,
            personal=profile.personal,
            recommendations=whole.products,
            extras=slots.of_first(settled.offers),
        )
        filled = slots.fill(
            settled.decisions,
            fallbacks=self._fallbacks,
            blocks=self._plan.blocks,
            context=context,
            offers=settled.offers,
            lists={name: each.products for name, each in lists.items() if name != _WHOLE},
            spoken=spoken,
        )
        cards = {name: [self._card(shown) for shown in each.shown] for name, each in lists.items()}
        return Content(
            blocks=filled.blocks,
            context=context,
            decision=self._receipt(
                profile, settled, lists=lists, cards=cards, instead=filled.instead, spoken=spoken
            ),
            problem=filled.problem,
            cards=[card for each in cards.values() for card in each],
            reasons=[str(card[REASON]) for each in lists.values() for card in each.products],
            offers=settled.offers,
            cart=next((each.cart for each in lists.values() if each.cart), ()),
        )

    def _receipt(
        self,
        profile: LoadedProfile,
        settled: Settled,
        *,
        lists: _Lists,
        cards: Mapping[str, Sequence[Part]],
        instead: Mapping[str, Outcome],
        spoken: str,
    ) -> dict[str, Any]:
        stock = self._plan.shelf
        lines = {name: _told_list(each, cards[name]) for name, each in lists.items()}
        whole = lines.pop(_WHOLE)
        return {
            "permission": told(profile.permission),
            "slots": {
                slot.name: self._told_slot(
                    slot, settled, instead=instead.get(slot.name), spoken=spoken
                )
                for slot in self._plan.slots
            },
            **whole,
            **({"own": lines} if lines else {}),
            "model": stock.number if stock else None,
            "ages": self._ages_for(profile),
        }

    def _ages_for(self, profile: LoadedProfile) -> dict[str, int]:
        """Say how old, in seconds, what went in was: what the batch shares, and the traits."""
        if profile.traits_at is None:
            return self._ages
        traits = int((self._now - profile.traits_at).total_seconds())
        return {**self._ages, "traits": traits}

    def _told_slot(
        self, slot: Slot, settled: Settled, *, instead: Outcome | None, spoken: str
    ) -> dict[str, Any]:
        decision, withheld = settled.decisions[slot.name], settled.withheld.get(slot.name, ())
        key = (slot.name, id(decision), spoken)
        is_own = bool(withheld) or instead is not None
        found = None if is_own else self._told.get(key)
        if found is None:
            found = slots.told(
                slot,
                decision,
                blocks=self._plan.blocks,
                withheld=withheld,
                instead=instead,
                spoken=spoken,
            )
            if not is_own:
                self._told[key] = found
        return found

    def _card(self, shown: Shown) -> Part:
        """Return a product as everybody saw it, without the words for this person."""
        found = self._parts.get(id(shown))
        if found is None:
            found = self._parts[id(shown)] = _card(shown)
        return found


@lru_cache(maxsize=4096)
def _card(shown: Shown) -> Part:
    """Hash a product as it is shown once, not for each of the people who see it."""
    return receipts.part(dict(shown))


# A list that has products, or that nobody asked for.
_NOT_ASKED = frozenset({"", "no_places"})


def _told_list(offer: Offer, cards: Sequence[Part]) -> dict[str, Any]:
    told = {
        "recommendations": offer.reasons,
        "strategy": offer.recipe,
        "cards": [card.key for card in cards],
    }
    return {**told, "missing": offer.missing} if offer.missing not in _NOT_ASKED else told


def told(permission: Permission) -> dict[str, Any]:
    """Return what a receipt keeps of a permission."""
    return {
        "purpose": permission.purpose,
        "granted": sorted(permission.granted),
        "may_profile": permission.may_profile,
        "may_track": permission.may_track,
    }
