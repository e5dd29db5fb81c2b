"""Launch, pause, resume and finish a campaign."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Exists, OuterRef

from campaigns.models import Campaign, Send, TemplateVersion
from campaigns.sending import compose, offering
from campaigns.sending.plan import Planned, plan
from consent import audit
from personalization.segments import health, membership

Status = Campaign.Status
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
    if not campaign.segments.kept().exists():
        found.append("Choose at least one segment that has a live version.")
    health.settle(now=now)
    found += health.problems(campaign.segments.all())
    if campaign.template is None or campaign.template.live is None:
        found.append("Choose a template that has a live version.")
    if campaign.sender is None:
        found.append("Choose a sender identity.")
    return found or _content_problems(campaign, now=now)


def launch(campaign: Campaign, *, now: datetime, actor: AbstractBaseUser | None = None) -> Planned:
    """Pin the template, bring the segments up to date, plan everybody, open for sending.

    Launching again adds members who came in since, and sends nobody the same mail twice.
    """
    found = problems(campaign, now=now)
    if found:
        raise NotReady(found)
    with transaction.atomic():
        for segment in campaign.segments.kept().select_related("live"):
            membership.rebuild(segment, now=now)
        campaign.template_version = _version(campaign)
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
    is_open = Exists(Send.objects.open().filter(campaign=OuterRef("pk")))
    done = Campaign.objects.filter(~is_open, status=Status.SENDING)
    return done.update(status=Status.SENT, finished_at=now, problem="")


def reopen(campaign_ids: Collection[int]) -> None:
    """Send again for closed campaigns that got rows back; a paused one stays paused."""
    closed = Campaign.objects.filter(pk__in=campaign_ids, status=Status.SENT)
    closed.update(status=Status.SENDING)


def due(*, now: datetime) -> list[int]:
    """Return the campaigns that have something to send now."""
    is_due = Exists(Send.objects.due(at=now).filter(campaign=OuterRef("pk")))
    sending = Campaign.objects.filter(is_due, status=Status.SENDING)
    return list(sending.order_by("-priority", "pk").values_list("pk", flat=True))


def release_held(*, now: datetime) -> int:
    """Plan held mails whose week has begun anew; skip those that waited too long."""
    held = Send.objects.filter(state=Send.State.HELD)
    held.filter(created_at__lt=now - HELD_AT_MOST).update(
        state=Send.State.SKIPPED, reason="held_too_long"
    )
    due = held.filter(due_at__lte=now)
    reopen(set(due.values_list("campaign", flat=True)))
    return due.update(state=Send.State.PLANNED, reason="")


def _version(campaign: Campaign) -> TemplateVersion | None:
    """Return what was pinned at the first launch, before that the live version."""
    return campaign.template_version or (campaign.template.live if campaign.template else None)


def _content_problems(campaign: Campaign, *, now: datetime) -> list[str]:
    """Make all that the mails will share once: what fails now would fail for everybody."""
    pinned, campaign.template_version = campaign.template_version, _version(campaign)
    try:
        kit = compose.kit(campaign, now=now)
    except compose.CANNOT_BEGIN as error:
        return [f"{str(error).removesuffix('.')}."]
    finally:
        campaign.template_version = pinned
    unfilled = [
        f"The template shows the slot “{name}”, which nothing fills: add it to the campaign."
        for name in compose.unfilled_slots(kit)
    ]
    idle = [
        f"A rule of the ruleset “{slot.slug}” does not apply, because {reason}. "
        "Mend that, or take it out of the rule."
        for slot in kit.plan.slots
        for reason in dict.fromkeys(slot.left_out.values())
    ]
    return unfilled + idle + (offering.obstacles(campaign, now=now) if kit.plan.offers else [])


def _move(campaign: Campaign, before: str, after: str, *, actor: AbstractBaseUser | None) -> bool:
    moved = Campaign.objects.filter(pk=campaign.pk, status=before).update(status=after) == 1
    if moved:
        audit.note(f"campaign.{after}", actor=actor, target=campaign)
        campaign.status = after
    return moved
