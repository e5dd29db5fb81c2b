"""The slots of a decision: the rulesets that choose, the blocks that are chosen, filled in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from personalization.content.blocks import CompiledBlock, RenderedBlock, compile_block, render
from personalization.content.liquid import TemplateProblem
from personalization.models import ContentBlock, RuleSet, RuleSetVersion
from personalization.receipts.digest import digest
from personalization.rules.evaluate import (
    CompiledRuleSet,
    Decision,
    compile_ruleset,
    parse_ruleset,
)


class SlotUnfilled(Exception):
    """A slot has no live ruleset or a ruleset names a block that is not live."""


@dataclass(frozen=True, slots=True)
class Slot:
    name: str
    ruleset: CompiledRuleSet
    slug: str
    version: int


@dataclass(frozen=True, slots=True)
class Filled:
    """The rendered blocks by slot; with a `problem` one failed on this person's data."""

    blocks: Mapping[str, RenderedBlock]
    problem: TemplateProblem | None = None


def live_slot(name: str, ruleset: RuleSet) -> Slot:
    if ruleset.live is None:
        raise SlotUnfilled(f"slot “{name}”: ruleset “{ruleset}” has no live version; put one live")
    return slot_of(name, slug=ruleset.slug, version=ruleset.live)


def slot_of(name: str, *, slug: str, version: RuleSetVersion) -> Slot:
    compiled = compile_ruleset(parse_ruleset(version.content))
    return Slot(name=name, ruleset=compiled, slug=slug, version=version.number)


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


def fill(
    decisions: Mapping[str, Decision],
    *,
    blocks: Mapping[str, CompiledBlock],
    context: Mapping[str, object],
) -> Filled:
    """Render the chosen variant of each slot."""
    filled: dict[str, RenderedBlock] = {}
    problem = None
    for name, decision in decisions.items():
        outcome = decision.outcome
        variant = blocks[str(outcome["block"])].variant(str(outcome["variant"]))
        try:
            filled[name] = render(variant, context)
        except TemplateProblem as found:
            problem = found
    return Filled(blocks=filled, problem=problem)


def told(slot: Slot, decision: Decision, *, blocks: Mapping[str, CompiledBlock]) -> dict[str, Any]:
    """Return what a receipt keeps of one slot: versions, rules asked, variant; nothing personal."""
    block = blocks[str(decision.outcome["block"])]
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


def marks(blocks: Mapping[str, RenderedBlock]) -> dict[str, str]:
    """Return the mark of each filled slot: HTML and text together."""
    return {name: digest(str(block.html), block.text) for name, block in blocks.items()}
