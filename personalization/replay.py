"""Take a decision again from its receipt alone, and say whether it comes out the same.

Nothing that is live is read: rules and blocks are those of the recorded versions, values and
products those that were looked at then, the clock stands at the moment of the decision.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q

from consent.identity import SealBroken
from personalization import receipts, slots
from personalization.conditions.facts import Facts
from personalization.content import languages
from personalization.content.blocks import CompiledBlock, compile_block
from personalization.content.context import REASON, template_context
from personalization.content.liquid_runtime import PlainData
from personalization.models import ContentBlockVersion, Receipt, RuleSetVersion
from personalization.offers.deciding import Withheld
from personalization.receipts import Inputs, facts, parts
from personalization.rules.evaluate import Decision, evaluate, without
from personalization.slots import Filled, Slot
from personalization.versions import diff


class Outcome(StrEnum):
    EQUAL = "equal"
    DIFFERENT = "different"
    ERASED = "erased"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the replay and the receipt part; personal values are never quoted."""

    place: str
    recorded: str
    replayed: str


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a decision had before it: enough to render more parts of it, as a mail's."""

    inputs: Inputs = field(repr=False)
    context: PlainData = field(repr=False)
    filled: Filled = field(repr=False)


@dataclass(frozen=True, slots=True)
class Replayed:
    outcome: Outcome
    reason: str = ""
    differences: tuple[Difference, ...] = ()
    scene: Scene | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AtHand:
    """What a caller holds of what a receipt may name: slots by name, blocks, products by key."""

    slots: Mapping[str, Slot] = field(default_factory=dict)
    blocks: Mapping[str, CompiledBlock] = field(default_factory=dict)
    cards: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


_NOTHING = AtHand()


def replay(receipt: Receipt, *, at_hand: AtHand = _NOTHING) -> Replayed:
    """Decide and render the slots again; `scene` lets a caller render what it made of them.

    What is `at_hand` in the recorded version is not read.
    """
    try:
        inputs = receipts.open_inputs(receipt)
        cards = _cards(receipt.decision, at_hand=at_hand)
    except SealBroken:
        return _altered("inputs", "the sealed inputs do not open: they were altered")
    except receipts.PartAltered as error:
        return _altered("cards", str(error))
    if inputs is None:
        return Replayed(Outcome.ERASED, reason="not replayable: erased")
    told = receipt.decision["slots"]
    rulesets, blocks = _rulesets(told, at_hand=at_hand), _blocks(told, at_hand=at_hand)
    if missing := [*_missing(told, rulesets=rulesets, blocks=blocks)]:
        return Replayed(Outcome.GONE, reason=f"not replayable: {', '.join(missing)} is gone")
    decided = _decide(receipt, inputs, rulesets=rulesets)
    if other := [*_other_blocks(told, decided, blocks=blocks)]:
        return Replayed(Outcome.DIFFERENT, differences=tuple(other))
    offers = inputs.extras.get("offers", {})
    shown = _products_shown(receipt.decision, inputs, cards=cards)
    context = template_context(
        values=inputs.facts["values"],
        personal=inputs.personal,
        recommendations=shown.pop(""),
        extras={**slots.of_first(offers), **inputs.extras.get("context", {})},
    )
    spoken = languages.spoken(inputs.facts["values"])
    filled = slots.fill(
        decided,
        fallbacks={name: slot.ruleset.definition.fallback for name, slot in rulesets.items()},
        blocks=blocks,
        context=context,
        offers=offers,
        lists=shown,
        spoken=spoken,
    )
    again = {
        name: slots.told(
            rulesets[name],
            decision,
            blocks=blocks,
            withheld=_withheld(told[name]),
            instead=filled.instead.get(name),
            spoken=spoken,
        )
        for name, decision in decided.items()
    }
    differences = (*_decision_differences(told, again), *_output_differences(inputs, filled))
    return Replayed(
        outcome=Outcome.DIFFERENT if differences else Outcome.EQUAL,
        differences=differences,
        scene=Scene(inputs=inputs, context=context, filled=filled),
    )


def compared(recorded: Mapping[str, str], again: Mapping[str, str]) -> Iterator[Difference]:
    """Compare marks of rendered parts, those that were recorded."""
    for name, mark in recorded.items():
        if again.get(name) != mark:
            yield Difference(f"output.{name}", recorded=mark, replayed=again.get(name, "nothing"))


def _altered(place: str, reason: str) -> Replayed:
    return Replayed(
        Outcome.DIFFERENT,
        reason=reason,
        differences=(Difference(place, recorded="as it was sealed", replayed=reason),),
    )


_Told = Mapping[str, Mapping[str, Any]]


def _rulesets(told: _Told, *, at_hand: AtHand) -> dict[str, Slot]:
    held = {
        name: slot
        for name, slot in at_hand.slots.items()
        if name in told and _is_recorded(slot, told[name])
    }
    wanted = {(slot["ruleset"], slot["version"]) for name, slot in told.items() if name not in held}
    versions = RuleSetVersion.objects.filter(_named(wanted)).select_related("of")
    found = {(version.of.slug, version.number): version for version in versions} if wanted else {}
    read = {
        name: slots.slot_of(
            name, slug=slot["ruleset"], version=version, left_out=slot.get("left_out", ())
        )
        for name, slot in told.items()
        if (version := found.get((slot["ruleset"], slot["version"]))) is not None
    }
    compiled = held | read
    return {name: compiled[name] for name in told if name in compiled}


def _is_recorded(slot: Slot, told: Mapping[str, Any]) -> bool:
    recorded = (told["ruleset"], told["version"], list(told.get("left_out", ())))
    return (slot.slug, slot.version, sorted(slot.left_out)) == recorded


def _blocks(told: _Told, *, at_hand: AtHand) -> dict[str, CompiledBlock]:
    wanted = {
        (shown["block"], shown["block_version"]) for slot in told.values() for shown in _shown(slot)
    }
    held = {
        slug: block for slug, block in at_hand.blocks.items() if (slug, block.version) in wanted
    }
    missing = {(slug, number) for slug, number in wanted if slug not in held}
    if not missing:
        return held
    found = ContentBlockVersion.objects.filter(_named(missing)).select_related("of")
    return held | {
        version.of.slug: compile_block(
            version.of.slug, version=version.number, content=version.content
        )
        for version in found
    }


def _shown(slot: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [slot, *slot.get("also", ()), *slot.get("blank", ())]


def _withheld(slot: Mapping[str, Any]) -> list[Withheld]:
    """Return the rules that gave way then: whether an offer was left cannot be asked again."""
    return [Withheld(**each) for each in slot.get("withheld", ())]


def _named(wanted: Iterable[tuple[str, int]]) -> Q:
    return reduce(or_, (Q(of__slug=slug, number=number) for slug, number in wanted), Q(pk=None))


def _missing(
    told: _Told, *, rulesets: Mapping[str, Slot], blocks: Mapping[str, CompiledBlock]
) -> Iterator[str]:
    for name, slot in told.items():
        if name not in rulesets:
            yield f"ruleset “{slot['ruleset']}” version {slot['version']}"
        for shown in _shown(slot):
            if shown["block"] not in blocks:
                yield f"block “{shown['block']}” version {shown['block_version']}"


def _decide(
    receipt: Receipt, inputs: Inputs, *, rulesets: Mapping[str, Slot]
) -> dict[str, Decision]:
    known = facts.load(inputs.facts, profile_id=receipt.subject_id)
    told = receipt.decision["slots"]
    return {
        name: _decide_slot(slot, known, receipt, told=told[name]) for name, slot in rulesets.items()
    }


def _decide_slot(
    slot: Slot, known: Facts, receipt: Receipt, *, told: Mapping[str, Any]
) -> Decision:
    gone = {each.offer for each in _withheld(told)}
    if gone:
        # Where an offer was refused the next rule decided, and nothing was tried out.
        return evaluate(without(slot.ruleset, offers=gone), known, receipt.decided_at)
    pseudonym = str(receipt.subject.pseudonym)
    return slots.decide(slot, known, receipt.decided_at, pseudonym=pseudonym)


def _other_blocks(
    told: _Told, decided: Mapping[str, Decision], *, blocks: Mapping[str, CompiledBlock]
) -> Iterator[Difference]:
    """Name the slots for which the rules now choose a block that the receipt does not know."""
    for name, decision in decided.items():
        for block in (str(outcome["block"]) for outcome in slots.shown(decision)):
            if block not in blocks:
                recorded = told[name]["block"]
                yield Difference(f"slots.{name}.block", recorded=recorded, replayed=block)


def _lists(decision: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the products shown by slot, "" for those of the whole, in the order of the words."""
    own: Mapping[str, Any] = decision.get("own", {})
    return {"": decision.get("cards", []), **{name: each["cards"] for name, each in own.items()}}


def cards_of(decision: Mapping[str, Any]) -> Iterator[str]:
    """Return the keys of the products that a decision shows."""
    return (key for keys in _lists(decision).values() for key in keys)


def _cards(decision: Mapping[str, Any], *, at_hand: AtHand) -> Mapping[str, Mapping[str, Any]]:
    keys = set(cards_of(decision))
    return at_hand.cards if keys <= at_hand.cards.keys() else parts.fetch(keys)


def _products_shown(
    decision: Mapping[str, Any], inputs: Inputs, *, cards: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[dict[str, object]]]:
    words = iter(inputs.reasons)
    return {
        name: [{**cards[key], REASON: next(words)} for key in keys]
        for name, keys in _lists(decision).items()
    }


def _decision_differences(told: _Told, again: _Told) -> Iterator[Difference]:
    for change in diff(dict(told), dict(again)):
        yield Difference(f"slots.{change.path}", str(change.before), str(change.after))


def _output_differences(inputs: Inputs, filled: Filled) -> Iterator[Difference]:
    yield from compared(
        {name: mark for name, mark in inputs.output.items() if name in filled.blocks},
        slots.marks(filled.blocks),
    )
