"""Take the next chunk of planned sends to the mail provider."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from campaigns.delivery.base import Backend
from campaigns.models import Campaign, Send
from campaigns.sending import compose, frequency
from campaigns.sending.handover import FIRST_WAIT, Clock, HandOver, Ready, record
from campaigns.sending.states import Result, State, release
from campaigns.tracking import behaviour
from consent import gate
from consent.permission import Permission
from personalization import engine, receipts
from personalization.offers import desk
from personalization.profiles import load
from personalization.profiles.loaded import LoadedProfile


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """What became of one chunk; `problem` says why nothing could be sent at all."""

    counts: Mapping[str, int]
    problem: str = ""

    @property
    def taken(self) -> int:
        return sum(self.counts.values())

    @property
    def settled(self) -> int:
        return self.taken - self.counts.get(State.PLANNED, 0)


def run_chunk(
    campaign: Campaign, *, backend: Backend, now: datetime, size: int | None = None
) -> ChunkResult:
    """Claim, ask, decide, render and hand over at most `size` sends; constant number of queries."""
    clock, lease = Clock(now), timedelta(seconds=settings.ATTUNE_LEASE_SECONDS)
    campaign.refresh_from_db(fields=["status"])
    if campaign.status != Campaign.Status.SENDING:
        return ChunkResult(counts={})
    kit, problem = _prepare(campaign, backend=backend, now=now)
    _note(campaign, problem)
    if kit is None:
        return ChunkResult(counts={}, problem=problem)
    size = size or settings.ATTUNE_CHUNK_SIZE
    token = uuid.uuid4()
    sends = Send.objects.claim(
        campaign_id=campaign.pk, token=token, limit=size, at=now, lease=lease
    )
    if not sends:
        return ChunkResult(counts={})
    over = HandOver(
        backend=backend, token=token, clock=clock, lease=lease, source=behaviour.source()
    )
    return _send(sends, kit=kit, over=over)


def _prepare(
    campaign: Campaign, *, backend: Backend, now: datetime
) -> tuple[compose.Kit | None, str]:
    """Return what the chunk's mails share, or what keeps every one of them from being sent."""
    problem = backend.is_up()
    if problem:
        return None, problem
    try:
        return compose.kit(campaign, now=now), ""
    except compose.CANNOT_BEGIN as error:
        return None, str(error)


def _note(campaign: Campaign, problem: str) -> None:
    """Say on the campaign's page why nothing moves, or that it does again."""
    problem = problem[:300]
    Campaign.objects.filter(pk=campaign.pk).exclude(problem=problem).update(problem=problem)


def _send(sends: Sequence[Send], *, kit: compose.Kit, over: HandOver) -> ChunkResult:
    """Send claimed rows; whatever breaks, those that were not begun are free again at once."""
    try:
        emails, settled = _compose(sends, kit=kit)
        record(settled, token=over.token, at=over.clock.now())
        outcomes = over.in_groups(emails)
    except Exception as error:
        # Only the kind of error: its text may quote a person.
        _note(kit.campaign, f"A worker stopped with {type(error).__name__}; see its log.")
        release([send.pk for send in sends], token=over.token, due_at=over.clock.now() + FIRST_WAIT)
        raise
    except BaseException:
        release([send.pk for send in sends], token=over.token, due_at=over.clock.now())
        raise
    return ChunkResult(counts=Counter(result.state for result in (*settled, *outcomes)))


def _compose(sends: Sequence[Send], *, kit: compose.Kit) -> tuple[list[Ready], list[Result]]:
    """Decide and render for the chunk; a mail that cannot be rendered fails alone."""
    permissions = gate.permissions(
        [send.subject_id for send in sends], purpose=kit.campaign.purpose_id, at=kit.now
    )
    allowed, refused = _split(sends, permissions)
    reserved, held = _reserve(allowed, campaign=kit.campaign, now=kit.now)
    reserved, later = _one_each(reserved, kit=kit)
    profiles = _load(reserved, permissions, kit=kit)
    contents = engine.personalize(
        list(profiles.values()),
        plan=kit.plan,
        permissions=permissions,
        now=kit.now,
        desk=_desk(reserved, kit=kit),
    )
    written = [
        compose.write(
            send, kit=kit, profile=profiles[send.subject_id], content=contents[send.subject_id]
        )
        for send in reserved
        if send.subject_id in profiles
    ]
    mails = [mail for mail in written if isinstance(mail, compose.Mail)]
    kit.links.save()
    receipts.record([mail.receipt for mail in mails], now=kit.now)
    gone = [
        Result(send.pk, State.SKIPPED, reason="erased")
        for send in reserved
        if send.subject_id not in profiles
    ]
    faulty = [mail for mail in written if isinstance(mail, Result)]
    return [mail.ready for mail in mails], [*refused, *held, *later, *gone, *faulty]


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
    first: dict[int, int] = {}
    for send in sends:
        if not send.is_counted:
            first.setdefault(send.subject_id, send.pk)
    asking = {pk: subject_id for subject_id, pk in first.items()}
    lucky = frequency.reserve(asking, limit=settings.ATTUNE_WEEKLY_LIMIT, now=now)
    reserved = [send for send in sends if send.is_counted or send.pk in lucky]
    unlucky = [send for send in sends if not send.is_counted and send.pk not in lucky]
    held = [send for send in unlucky if send.pk in asking]
    # A second mail to one person in the same chunk asks for its place in the next one.
    later = [
        Result(send.pk, State.PLANNED, due_at=now, is_try=False)
        for send in unlucky
        if send.pk not in asking
    ]
    return reserved, [*_held(held, now=now), *later]


def _held(sends: Sequence[Send], *, now: datetime) -> list[Result]:
    """Hold a mail back until the person's own week begins anew."""
    free = frequency.free_again([send.subject_id for send in sends]) if sends else {}
    return [
        Result(
            send.pk,
            State.HELD,
            reason="weekly_limit",
            due_at=free.get(send.subject_id, now),
            is_try=False,
        )
        for send in sends
    ]


def _one_each(sends: Sequence[Send], *, kit: compose.Kit) -> tuple[list[Send], list[Result]]:
    """Where offers are given a second mail to one person waits for the next chunk."""
    if not kit.plan.offers:
        return list(sends), []
    first: dict[int, Send] = {}
    for send in sends:
        first.setdefault(send.subject_id, send)
    later = [send for send in sends if first[send.subject_id] is not send]
    again = [Result(send.pk, State.PLANNED, due_at=kit.now, is_try=False) for send in later]
    return list(first.values()), again


def _desk(sends: Sequence[Send], *, kit: compose.Kit) -> desk.Desk:
    """Offers are reserved with the mails; what an earlier try reserved is kept or given back."""
    if not kit.plan.offers and not any(send.attempts > 1 for send in sends):
        return desk.CLOSED
    return desk.SendDesk({send.subject_id: str(send.message_key) for send in sends}, now=kit.now)


def _load(
    sends: Sequence[Send], permissions: Mapping[int, Permission], *, kit: compose.Kit
) -> dict[int, LoadedProfile]:
    loaded = load.profiles(
        {send.subject_id: permissions[send.subject_id] for send in sends},
        needs=kit.plan.needs,
        catalogue=kit.plan.catalogue,
        now=kit.now,
        with_history=bool(kit.plan.recommendation_count),
    )
    return {profile.subject_id: profile for profile in loaded}
