"""Launch, pause, resume and finish a campaign."""

from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from campaigns.models import Campaign, Send
from campaigns.sending import compose
from campaigns.sending.plan import Planned, plan
from consent import audit
from personalization import engine
from personalization.segments import membership

Status = Campaign.Status
OPEN = [Send.State.PLANNED, Send.State.CLAIMED, Send.State.HANDING_OVER, Send.State.UNKNOWN]
# A mail held back longer than this is no news any more.
HELD_AT_MOST = timedelta(days=14)


class NotReady(Exception):
    """A campaign cannot be launched yet; each problem says what to add where."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


def problems(campaign: Campaign, *, now: datetime) -> list[str]:
    """Say what keeps a campaign from being launched, in a marketer's words."""
    found = []
    if not campaign.segments.exclude(live=None).exists():
        found.append("Choose at least one segment that has a live version.")
    if campaign.template is None or campaign.template.live is None:
        found.append("Choose a template that has a live version.")
    if campaign.sender is None:
        found.append("Choose a sender identity.")
    slots = {slot.name: slot.ruleset for slot in campaign.slots.select_related("ruleset__live")}
    try:
        engine.prepare(slots, recommendation_count=campaign.recommendation_count, now=now)
    except engine.SlotUnfilled as error:
        found.append(f"{error}.")
    return found


def launch(campaign: Campaign, *, now: datetime, actor: AbstractBaseUser | None = None) -> Planned:
    """Pin the template, bring the segments up to date, plan everybody, open for sending.

    Launching again adds members who came in since, and sends nobody the same mail twice.
    """
    found = problems(campaign, now=now)
    if found:
        raise NotReady(found)
    with transaction.atomic():
        for segment in campaign.segments.exclude(live=None).select_related("live"):
            membership.rebuild(segment, now=now)
        if campaign.template_version is None and campaign.template is not None:
            campaign.template_version = campaign.template.live
        compose.kit(campaign, now=now)
        planned = plan(campaign, now=now)
        campaign.status = Status.SENDING
        campaign.launched_at = campaign.launched_at or now
        campaign.save(update_fields=["template_version", "status", "launched_at"])
        audit.note("campaign.launch", actor=actor, target=campaign, detail={"added": planned.added})
    return planned


def pause(campaign: Campaign, *, actor: AbstractBaseUser | None = None) -> bool:
    """Stop taking new chunks; a chunk under way ends within seconds."""
    return _move(campaign, Status.SENDING, Status.PAUSED, actor=actor)


def resume(campaign: Campaign, *, actor: AbstractBaseUser | None = None) -> bool:
    """Go on where the campaign stopped."""
    return _move(campaign, Status.PAUSED, Status.SENDING, actor=actor)


def finish(*, now: datetime) -> int:
    """Close the campaigns that have nothing left to send; return how many."""
    open_rows = Send.objects.filter(state__in=OPEN).values("campaign")
    done = Campaign.objects.filter(status=Status.SENDING).exclude(pk__in=open_rows)
    return done.update(status=Status.SENT, finished_at=now, problem="")


def release_held(*, now: datetime) -> int:
    """Plan held mails whose week has begun anew; skip those that waited too long."""
    held = Send.objects.filter(state=Send.State.HELD)
    held.filter(created_at__lt=now - HELD_AT_MOST).update(
        state=Send.State.SKIPPED, reason="held_too_long"
    )
    due = held.filter(due_at__lte=now)
    reopened = list(due.values_list("campaign", flat=True).distinct())
    Campaign.objects.filter(pk__in=reopened, status=Status.SENT).update(status=Status.SENDING)
    return due.update(state=Send.State.PLANNED, reason="")


def _move(campaign: Campaign, before: str, after: str, *, actor: AbstractBaseUser | None) -> bool:
    moved = Campaign.objects.filter(pk=campaign.pk, status=before).update(status=after) == 1
    if moved:
        audit.note(f"campaign.{after}", actor=actor, target=campaign)
        campaign.status = after
    return moved
