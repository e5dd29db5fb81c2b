"""The slots of a decision: the rulesets that choose, the blocks that are chosen, filled in."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from markupsafe import Markup

from personalization.conditions.facts import Facts
from personalization.conditions.fields import Catalogue
from personalization.content.blocks import CompiledBlock, RenderedBlock, compile_block, render
from personalization.content.liquid import TemplateProblem
from personalization.content.liquid_runtime import PlainData, plain
from personalization.models import ContentBlock, RuleSet, RuleSetVersion
from personalization.offers.deciding import Withheld
from personalization.receipts.digest import digest
from personalization.rules.applicable import applicable
from personalization.rules.evaluate import (
    CompiledRuleSet,
    Decision,
    compile_ruleset,
    evaluate,
    parse_ruleset,
    without,
)
from personalization.rules.explore import explored, point
from personalization.rules.ruleset import Outcome

Offers = Mapping[str, Mapping[str, object]]
_NO_OFFERS: Offers = {}
_NO_LISTS: Mapping[str, Sequence[Mapping[str, object]]] = {}


class SlotUnfilled(Exception):
    """A slot has no live ruleset or a ruleset names a block that is not live."""


@dataclass(frozen=True, slots=True)
class Slot:
    name: str
    ruleset: CompiledRuleSet
    slug: str
    version: int
    # Rules that do not apply, by key, and why: a segment or field they ask for cannot be used.
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Filled:
    """The rendered blocks by slot; with a `problem` one failed on this person's data.

    `instead` holds, by slot, the outcome that is shown because what was chosen came out blank.
    """

    blocks: Mapping[str, RenderedBlock]
    problem: TemplateProblem | None = None
    instead: Mapping[str, Outcome] = field(default_factory=dict)


def live_slot(name: str, ruleset: RuleSet, *, known: Catalogue) -> Slot:
    if ruleset.live is None:
        raise SlotUnfilled(f"slot “{name}”: ruleset “{ruleset}” has no live version; put one live")
    found = applicable(ruleset.live.content, known=known)
    return Slot(
        name=name,
        ruleset=found.ruleset,
        slug=ruleset.slug,
        version=ruleset.live.number,
        left_out=found.left_out,
    )


def slot_of(name: str, *, slug: str, version: RuleSetVersion, left_out: Collection[str]) -> Slot:
    """Return a slot as it was when a receipt was written."""
    compiled = without(compile_ruleset(parse_ruleset(version.content)), rules=left_out)
    return Slot(
        name=name,
        ruleset=compiled,
        slug=slug,
        version=version.number,
        left_out=dict.fromkeys(left_out, ""),
    )


def live_blocks(slots: Sequence[Slot]) -> dict[str, CompiledBlock]:
    """Compile the live version of every block that the slots' rulesets name (one query)."""
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


def decide(slot: Slot, facts: Facts, now: datetime, *, pseudonym: str) -> Decision:
    """Ask the rules for one person; a share of people may see something else that fits them."""
    decision = evaluate(slot.ruleset, facts, now)
    if not slot.ruleset.definition.exploration:
        return decision
    at = point(pseudonym, ruleset=slot.slug, version=slot.version)
    return explored(slot.ruleset, decision, facts, now, at=at)


def fill(
    decisions: Mapping[str, Decision],
    *,
    fallbacks: Mapping[str, Outcome],
    blocks: Mapping[str, CompiledBlock],
    context: Mapping[str, object],
    offers: Offers = _NO_OFFERS,
    lists: Mapping[str, Sequence[Mapping[str, object]]] = _NO_LISTS,
    spoken: str,
) -> Filled:
    """Render what each slot shows; a block sees the offer of its own rule, and no other.

    Where that is blank, as a list without products is, the fallback of `fallbacks` stands instead.
    `lists` holds the recommendations of slots that have a list of their own; `spoken` is the
    language of the person, empty where it is not known.
    """
    everywhere = plain(context)
    filled: dict[str, RenderedBlock] = {}
    instead: dict[str, Outcome] = {}
    problem = None
    for name, decision in decisions.items():
        own = lists.get(name)
        seen = everywhere.also({"recommendations": own}) if own is not None else everywhere
        write = partial(_rendered, blocks=blocks, context=seen, offers=offers, spoken=spoken)
        try:
            parts = [write(outcome) for outcome in shown(decision)]
            filled[name] = parts[0] if len(parts) == 1 else _joined(parts)
            if filled[name].is_blank:
                for outcome in _last_resorts(fallbacks[name], blocks=blocks):
                    filled[name], instead[name] = write(outcome), outcome
                    if not filled[name].is_blank:
                        break
        except TemplateProblem as found:
            problem = found
    return Filled(blocks=filled, problem=problem, instead=instead)


def _last_resorts(outcome: Outcome, *, blocks: Mapping[str, CompiledBlock]) -> Iterator[Outcome]:
    """The fallback of the rules, then the one of its block, which no block may have blank."""
    block = blocks.get(str(outcome["block"]))
    if block is not None:
        yield outcome
        yield {**outcome, "variant": block.fallback}


def shown(decision: Decision) -> list[Outcome]:
    """One outcome, or under `collect` those of all rules that hold."""
    return [rule.outcome for rule in decision.hits] or [decision.outcome]


def of_first(offers: Offers) -> dict[str, object]:
    """Return what the frame around the slots sees: the first offer, if there is any."""
    return {"offer": next(iter(offers.values()))} if offers else {}


def told(
    slot: Slot,
    decision: Decision,
    *,
    blocks: Mapping[str, CompiledBlock],
    withheld: Sequence[Withheld] = (),
    instead: Outcome | None = None,
    spoken: str,
) -> dict[str, Any]:
    """Return what a receipt keeps of one slot: versions, rules asked, variant; nothing personal.

    `language` is the one of the text that was shown, where there are several, and `language_why`
    how it was found. `blank` holds what was chosen and came out blank, where the fallback is shown
    `instead`. `also` holds what further rules show under `collect`, `withheld` the rules
    that held but gave way because their offer could not be given, `left_out` those that did not
    apply to anybody.
    """
    found: dict[str, Any] = {
        "ruleset": slot.slug,
        "version": slot.version,
        "rule": decision.rule_key,
        "rule_name": decision.rule_name,
        "is_fallback": decision.is_fallback,
        "probability": decision.probability,
        "considered": [[key, hit] for key, hit in decision.considered],
        **_told_content(instead or decision.outcome, blocks=blocks, spoken=spoken),
    }
    each_shown = [
        {"rule": rule.key, **_told_content(rule.outcome, blocks=blocks, spoken=spoken)}
        for rule in decision.hits
    ]
    if instead is not None:
        found |= {"rule": None, "rule_name": "Fallback", "is_fallback": True}
        found["blank"] = each_shown or [
            {"rule": None, **_told_content(decision.outcome, blocks=blocks, spoken=spoken)}
        ]
    elif len(each_shown) > 1:
        found["also"] = each_shown[1:]
    if decision.is_explored:
        found["is_explored"] = True
    if slot.left_out:
        found["left_out"] = sorted(slot.left_out)
    if withheld:
        found["withheld"] = [each.told() for each in withheld]
    return found


def _told_content(
    outcome: Outcome, *, blocks: Mapping[str, CompiledBlock], spoken: str
) -> dict[str, Any]:
    block = blocks[str(outcome["block"])]
    variant = block.variant(str(outcome["variant"]))
    found = {"block": block.slug, "block_version": block.version, "variant": variant.key}
    if choice := variant.chosen(spoken):
        found |= {"language": choice.language, "language_why": choice.why}
    return {**found, "offer": outcome["offer"]} if outcome.get("offer") else found


def _rendered(
    outcome: Outcome,
    *,
    blocks: Mapping[str, CompiledBlock],
    context: PlainData,
    offers: Offers,
    spoken: str,
) -> RenderedBlock:
    variant = blocks[str(outcome["block"])].variant(str(outcome["variant"]))
    if offers:
        context = context.also({"offer": offers.get(str(outcome.get("offer")), {})})
    return render(variant, context, spoken=spoken)


def _joined(parts: Sequence[RenderedBlock]) -> RenderedBlock:
    return RenderedBlock(
        html=Markup("\n").join(part.html for part in parts),
        text="\n\n".join(part.text for part in parts),
    )


def marks(blocks: Mapping[str, RenderedBlock]) -> dict[str, str]:
    """Return the mark of each filled slot: HTML and text together."""
    return {name: digest(str(block.html), block.text) for name, block in blocks.items()}
