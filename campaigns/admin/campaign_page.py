"""The page a marketer looks at: results of one campaign, and its launch, pause and resume."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from campaigns import tasks
from campaigns.admin import look, pages
from campaigns.audience import estimate
from campaigns.kpi.dashboard import currency
from campaigns.kpi.definitions import DEFINITIONS
from campaigns.kpi.report import Figures, Recorded, Report, report
from campaigns.models import Campaign, Send
from campaigns.sending import lifecycle, offering
from campaigns.sending.reasons import in_words
from consent.admin.base import ModelAdmin
from personalization.offers import stock
from personalization.segments import health

LAUNCH = "consent.launch_campaigns"
RESULTS = "consent.view_kpi"
Status = Campaign.Status
Owner = ModelAdmin[Campaign]
# How many people came to a step, and their share.
Step = tuple[Recorded, float | None]


@dataclass(frozen=True, slots=True)
class Card:
    """One figure in words; `figure` None was not recorded, `meter` is a part of 100."""

    key: str
    icon: str
    figure: str | None
    note: str = ""
    meter: float | None = None

    @property
    def meaning(self) -> str:
        return DEFINITIONS[self.key]


@dataclass(frozen=True, slots=True)
class Part:
    """A line of a list of counts, with its share of the largest for a bar."""

    words: str
    count: int
    percent: float


def results(admin: Owner, request: HttpRequest, object_id: int) -> HttpResponse:
    """Show how a campaign does; a draft shows what is missing and whom it would reach."""
    campaign = _campaign(admin, request, object_id)
    pages.require(request, RESULTS)
    is_draft = campaign.status == Status.DRAFT
    return pages.show(
        admin,
        request,
        "admin/campaigns/campaign/page.html",
        title=campaign.name,
        **_shared(request, campaign),
        **(_readiness(campaign) if is_draft else _figures(campaign)),
    )


def launch(admin: Owner, request: HttpRequest, object_id: int) -> HttpResponse:
    """GET asks, with the reach; POST launches."""
    campaign = _campaign(admin, request, object_id)
    pages.require(request, LAUNCH)
    if campaign.status != Status.DRAFT:
        messages.info(request, f"{campaign} is launched already.")
        return _to_page(campaign)
    if request.method == "POST":
        return _launched(request, campaign)
    return pages.show(
        admin,
        request,
        "admin/campaigns/campaign/launch.html",
        title="Launch",
        **_shared(request, campaign),
        **_readiness(campaign),
    )


def pause(admin: Owner, request: HttpRequest, object_id: int) -> HttpResponse:
    campaign = _campaign(admin, request, object_id)
    pages.require(request, LAUNCH)
    if lifecycle.pause(campaign, actor=_actor(request)):
        messages.success(request, f"{campaign} is paused. Mails under way end within seconds.")
    return _to_page(campaign)


def resume(admin: Owner, request: HttpRequest, object_id: int) -> HttpResponse:
    campaign = _campaign(admin, request, object_id)
    pages.require(request, LAUNCH)
    if lifecycle.resume(campaign, actor=_actor(request)):
        tasks.send_next_chunk.delay_on_commit(campaign.pk)
        messages.success(request, f"{campaign} goes on where it stopped.")
    return _to_page(campaign)


def _launched(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    try:
        planned = lifecycle.launch(campaign, now=timezone.now(), actor=_actor(request))
    except lifecycle.NotReady as not_ready:
        for problem in not_ready.problems:
            messages.error(request, problem)
        return _to_page(campaign)
    tasks.send_next_chunk.delay_on_commit(campaign.pk)
    skipped = sum(planned.skipped.values())
    messages.success(
        request, f"Launched: {planned.planned:,} mails planned, {skipped:,} people skipped."
    )
    return _to_page(campaign)


def _campaign(admin: Owner, request: HttpRequest, object_id: int) -> Campaign:
    return pages.row(admin, request, str(object_id))


def _actor(request: HttpRequest) -> Any:
    return request.user


def _to_page(campaign: Campaign) -> HttpResponse:
    return redirect("admin:campaigns_campaign_results", campaign.pk)


def _shared(request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
    return {
        "original": campaign,
        "campaign": campaign,
        "status": look.status(campaign),
        "segments": campaign.segments.all(),
        "slots": campaign.slots.select_related("ruleset__live"),
        "experiment": getattr(campaign, "experiment", None),
        "may_launch": request.user.has_perm(LAUNCH),
        "may_edit": request.user.has_perm("campaigns.change_campaign"),
        "definitions": DEFINITIONS,
        "offers": offering.standings(campaign),
    }


def _readiness(campaign: Campaign) -> dict[str, Any]:
    now = timezone.now()
    reach = estimate.reach(campaign, at=now)
    return {
        "problems": lifecycle.problems(campaign, now=now),
        "reach": reach,
        "skipped": _parts({in_words(code): count for code, count in reach.skipped.items()}),
        "shortages": list(stock.shortages(offering.standings(campaign), audience=reach.reached)),
    }


def _figures(campaign: Campaign) -> dict[str, Any]:
    found = report(campaign)
    is_open = campaign.status in (Status.SENDING, Status.PAUSED)
    return {
        "broken": health.problems(campaign.segments.all()) if is_open else [],
        "report": found,
        "cards": _cards(found, campaign=campaign),
        "revenue": found.total.revenue,
        "currency": currency(),
        "arms": [
            (found.arms.get(key, key), _steps(figures)) for key, figures in found.by_arm.items()
        ],
        "skipped": _parts({in_words(code): count for code, count in found.skipped.items()}),
        "states": _parts({Send.State(state).label: count for state, count in found.states.items()}),
    }


def _cards(found: Report, *, campaign: Campaign) -> list[Card]:
    total, skipped = found.total, sum(found.skipped.values())
    steps = dict(_steps(total))
    base = "delivered" if campaign.has_tracking else "sent"
    sent = 100 * total.sent / total.planned if total.planned else None
    return [
        Card("planned", "event", f"{total.planned:,}", f"{skipped:,} skipped" if skipped else ""),
        _card("sent", "outgoing_mail", (total.sent, sent), of="planned"),
        _card("delivered", "mark_email_read", steps["delivered"], of="sent"),
        _card("opened", "drafts", steps["opened"], of=base),
        _card("clicked", "ads_click", steps["clicked"], of=base),
        _card("converted", "shopping_cart_checkout", steps["converted"], of=base),
        _card("unsubscribed", "unsubscribe", steps["unsubscribed"], of=base),
    ]


def _card(key: str, icon: str, step: Step, *, of: str) -> Card:
    count, share = step
    if count is None:
        return Card(key, icon, None)
    note = "" if share is None else f"{share:.1f} % of {of}"
    return Card(key, icon, f"{count:,}", note, share)


def _steps(figures: Figures) -> list[tuple[str, Step]]:
    counts: dict[str, Recorded] = {
        "sent": figures.sent,
        "delivered": figures.delivered,
        "opened": figures.opened,
        "clicked": figures.clicked,
        "converted": figures.converted,
        "unsubscribed": figures.unsubscribed,
    }
    found = [(key, (count, figures.rate(count))) for key, count in counts.items()]
    of_sent = 100 * figures.delivered / figures.sent if figures.delivered and figures.sent else None
    return [
        (key, (count, {"sent": None, "delivered": of_sent}.get(key, share)))
        for key, (count, share) in found
    ]


def _parts(counts: dict[str, int]) -> list[Part]:
    most = max(counts.values(), default=0)
    return [
        Part(words, count, percent=100 * count / most)
        for words, count in sorted(counts.items(), key=lambda item: -item[1])
    ]
