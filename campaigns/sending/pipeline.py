"""Take the next chunk of planned sends to the mail provider."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from campaigns.delivery.base import Backend
from campaigns.models import Campaign, Send
from campaigns.sending import compose, frequency
from campaigns.sending.handover import Clock, Ready, in_groups
from campaigns.sending.states import Result, State, finish
from campaigns.tracking import behaviour
from consent import gate
from consent.permission import Permission
from personalization import engine, receipts
from personalization.profiles import load
from personalization.profiles.loaded import LoadedProfile

CHUNK = 500


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """What became of one chunk; `problem` says why nothing could be sent at all."""

    counts: Mapping[str, int]
    problem: str = ""

    @property
    def taken(self) -> int:
        return sum(self.counts.values())


def run_chunk(
    campaign: Campaign, *, backend: Backend, now: datetime, size: int = CHUNK
) -> ChunkResult:
    """Claim, ask, decide, render and hand over at most `size` sends; constant number of queries."""
    problem = backend.is_up()
    Campaign.objects.filter(pk=campaign.pk).exclude(problem=problem).update(problem=problem)
    if problem or campaign.status != Campaign.Status.SENDING:
        return ChunkResult(counts={}, problem=problem)
    clock, lease = Clock(now), timedelta(seconds=settings.ATTUNE_LEASE_SECONDS)
    sends = Send.objects.claim(campaign_id=campaign.pk, limit=size, at=now, lease=lease)
    if not sends:
        return ChunkResult(counts={})
    token = sends[0].lease_token
    assert token is not None

    permissions = gate.permissions(
        [send.subject_id for send in sends], purpose=campaign.purpose_id, at=now
    )
    allowed, refused = _split(sends, permissions)
    reserved, held = _reserve(allowed, campaign=campaign, now=now)
    emails, faulty = _compose(reserved, permissions, campaign=campaign, now=now)
    finish([*refused, *held, *faulty], token=token, at=clock.now())
    outcomes = in_groups(emails, backend=backend, token=token, clock=clock, lease=lease)

    by_id = {send.pk: send for send in sends}
    sent = [by_id[result.send_id] for result in outcomes if result.state == State.SENT]
    behaviour.sent(sent, at=clock.now())
    counts = Counter(result.state for result in (*refused, *held, *faulty, *outcomes))
    return ChunkResult(counts=counts)


def _split(
    sends: Sequence[Send], permissions: Mapping[int, Permission]
) -> tuple[list[Send], list[Result]]:
    allowed = [send for send in sends if permissions[send.subject_id].may_send]
    refused = [
        Result(send.pk, State.SKIPPED, reason=permissions[send.subject_id].reason)
        for send in sends
        if not permissions[send.subject_id].may_send
    ]
    return allowed, refused


def _reserve(
    sends: Sequence[Send], *, campaign: Campaign, now: datetime
) -> tuple[list[Send], list[Result]]:
    """Take a place of each person's week; a send that has one from an earlier try keeps it."""
    if not campaign.is_capped:
        return list(sends), []
    asking = [send.subject_id for send in sends if not send.is_counted]
    lucky = frequency.reserve(asking, limit=settings.ATTUNE_WEEKLY_LIMIT, now=now)
    reserved = [send for send in sends if send.is_counted or send.subject_id in lucky]
    kept = {send.pk for send in reserved}
    held = [
        Result(send.pk, State.HELD, reason="weekly_limit", due_at=now + frequency.WINDOW)
        for send in sends
        if send.pk not in kept
    ]
    return reserved, held


def _compose(
    sends: Sequence[Send],
    permissions: Mapping[int, Permission],
    *,
    campaign: Campaign,
    now: datetime,
) -> tuple[list[Ready], list[Result]]:
    """Decide and render for the chunk; a mail that cannot be rendered fails alone."""
    kit = compose.kit(campaign, now=now)
    profiles = _load(sends, permissions, kit=kit, now=now)
    contents = engine.personalize(
        list(profiles.values()), plan=kit.plan, permissions=permissions, now=now
    )
    written = [
        compose.write(
            send, kit=kit, profile=profiles[send.subject_id], content=contents[send.subject_id]
        )
        for send in sends
        if send.subject_id in profiles
    ]
    mails = [mail for mail in written if isinstance(mail, compose.Mail)]
    kit.links.save()
    receipts.record([mail.receipt for mail in mails], now=now)
    gone = [
        Result(send.pk, State.SKIPPED, reason="erased")
        for send in sends
        if send.subject_id not in profiles
    ]
    faulty = [mail for mail in written if isinstance(mail, Result)]
    return [mail.ready for mail in mails], [*gone, *faulty]


def _load(
    sends: Sequence[Send],
    permissions: Mapping[int, Permission],
    *,
    kit: "compose.Kit",
    now: datetime,
) -> dict[int, LoadedProfile]:
    wanted = {send.subject_id: permissions[send.subject_id] for send in sends}
    loaded = load.profiles(
        wanted,
        needs=kit.plan.needs,
        catalogue=kit.plan.catalogue,
        now=now,
        with_history=bool(kit.plan.recommendation_count),
    )
    return {profile.subject_id: profile for profile in loaded}
