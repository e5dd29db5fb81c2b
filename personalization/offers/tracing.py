"""Trace one customer through a ruleset with the offers that are left for them; takes nothing."""

from collections.abc import Collection
from datetime import datetime

from personalization.models import RuleSetVersion
from personalization.offers import terms
from personalization.offers.deciding import GONE
from personalization.offers.desk import PreviewDesk
from personalization.rules import tracing
from personalization.rules.tracing import Traced


def trace(version: RuleSetVersion, *, subject_id: int, now: datetime) -> Traced | None:
    """Decide as a send would: where an offer cannot be given its rule gives way to the next."""
    withheld: dict[str, str] = {}
    while True:
        found = tracing.trace(version, subject_id=subject_id, now=now, withheld=withheld)
        if found is None:
            return None
        wanted = {rule.offer for rule in found.rules if rule.is_chosen and rule.offer}
        refused = _refused(wanted, subject_id=subject_id, now=now)
        if not refused:
            return found
        withheld |= refused


def _refused(slugs: Collection[str], *, subject_id: int, now: datetime) -> dict[str, str]:
    """Say by the offer why this person cannot have it now."""
    known = terms.load(slugs) if slugs else {}
    gone = {slug: GONE.refusal for slug in slugs if slug not in known}
    wishes = [(subject_id, each.id) for each in known.values()]
    answers = PreviewDesk(known, now=now).answer(wishes) if wishes else []
    refused = zip(known, answers, strict=True)
    return gone | {slug: answer.refusal for slug, answer in refused if answer.refusal}
