"""Write an answer from a decision about somebody, a new one or one that is kept."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from consent.permission import Permission
from personalization import engine
from personalization.content.blocks import RenderedBlock
from personalization.content.languages import WORDS
from personalization.replay import AtHand, Outcome, replay
from personalization.serving import answer
from personalization.serving.answer import Answer
from personalization.serving.kept import Standing
from personalization.serving.ready import Ready

logger = logging.getLogger(__name__)


def from_receipt(
    found: Standing,
    *,
    slot: Ready,
    cards: Mapping[str, Mapping[str, Any]],
    permission: Permission,
    explain: bool,
) -> Answer | None:
    """Write a kept decision again from its receipt; None if what it stood on has changed.

    `cards` are products that receipts name, as far as they are at hand.
    """
    decision = found.receipt.decision
    if decision["permission"] != engine.told(permission):
        return None
    compiled = {each.name: each for each in slot.plan.slots}
    at_hand = AtHand(slots=compiled, blocks=slot.plan.blocks, cards=cards)
    done = replay(found.receipt, at_hand=at_hand)
    if done.outcome is not Outcome.EQUAL or done.scene is None:
        logger.warning("a kept decision is not replayable", extra={"receipt": found.receipt.pk})
        return None
    return from_decision(
        str(found.receipt.message_key),
        slot=slot,
        decision=decision,
        blocks=done.scene.filled.blocks,
        context=done.scene.context,
        permission=permission,
        expires_at=found.expires_at,
        explain=explain,
    )


def from_decision(
    decision_id: str,
    *,
    slot: Ready,
    decision: Mapping[str, Any],
    blocks: Mapping[str, RenderedBlock],
    context: Mapping[str, Any],
    permission: Permission,
    expires_at: datetime,
    explain: bool,
) -> Answer:
    """The same decision gives the same bytes, whichever way it came here."""
    told = decision["slots"][slot.slug]
    return answer.build(
        decision_id=decision_id,
        slot=slot.slug,
        told=told,
        decision=decision,
        block=blocks[slot.slug],
        items=context["recommendations"],
        permission={"may_send": permission.may_send, "may_profile": permission.may_profile},
        expires_at=expires_at,
        sentence=decision["text"],
        offer=context.get("offer"),
        explained=_explained(told, decision, slot=slot) if explain else None,
    )


def _explained(
    told: Mapping[str, Any], decision: Mapping[str, Any], *, slot: Ready
) -> dict[str, Any]:
    """Return every rule that was asked, and how old the shared data was."""
    why = told.get("language_why")
    is_same = told["version"] == slot.plan.slots[0].version
    return {
        "rules": [
            {"rule": key, "hit": hit, "text": slot.sentences.get(key, "") if is_same else ""}
            for key, hit in told["considered"]
        ],
        "language": {"chosen": told["language"], "code": why, "text": WORDS[why]} if why else None,
        "strategy": decision.get("strategy"),
        "model": decision["model"],
        "ages": decision["ages"],
        "granted": decision["permission"]["granted"],
    }
