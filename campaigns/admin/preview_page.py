"""See the mail of one customer before it leaves, and why it says what it says."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from campaigns.admin import pages
from campaigns.admin.rows import IN_CLEAR
from campaigns.audience import choose as choosing
from campaigns.models import Campaign
from campaigns.rendering import framed
from campaigns.sending import lifecycle, preview
from consent import audit, masking
from consent.admin.base import ModelAdmin

SAMPLES = 8
Owner = ModelAdmin[Campaign]


def choose(admin: Owner, request: HttpRequest, object_id: int) -> HttpResponse:
    """GET offers customers; POST looks one up by number, which stays out of the address."""
    campaign = pages.row(admin, request, str(object_id))
    if request.method == "POST":
        found = choosing.by_number(request.POST.get("number", "").strip())
        if found is not None:
            return redirect("admin:campaigns_campaign_preview_of", campaign.pk, found.pk)
        messages.warning(request, "There is no customer with this number. Check it and try again.")
        return redirect("admin:campaigns_campaign_preview", campaign.pk)
    return _page(admin, request, campaign)


def show(admin: Owner, request: HttpRequest, object_id: int, *, subject_id: int) -> HttpResponse:
    """Show one customer's mail with its reasons."""
    campaign = pages.row(admin, request, str(object_id))
    if lifecycle.problems(campaign, now=timezone.now()) and campaign.template_version is None:
        messages.warning(
            request, "The campaign is not complete yet; its page says what is missing."
        )
        return redirect("admin:campaigns_campaign_results", campaign.pk)
    written = _written(request, campaign, subject_id=subject_id)
    return _page(admin, request, campaign, preview=written, subject_id=subject_id)


def frame(admin: Owner, request: HttpRequest, object_id: int, *, subject_id: int) -> HttpResponse:
    """Serve the mail's HTML for the sandboxed frame."""
    campaign = pages.row(admin, request, str(object_id))
    written = _written(request, campaign, subject_id=subject_id)
    html = written.mail.html if written.mail else written.problem
    return HttpResponse(framed.opening_links_outside(html), headers=framed.HEADERS)


def _written(request: HttpRequest, campaign: Campaign, *, subject_id: int) -> preview.Preview:
    in_clear = request.user.has_perm(IN_CLEAR)
    if in_clear:
        detail = {"what": "preview", "subject": subject_id}
        audit.note("personal_data.view", actor=request.user, target=campaign, detail=detail)
    return preview.write(
        campaign,
        subject_id=subject_id,
        now=timezone.now(),
        arm=request.GET.get("arm", ""),
        in_clear=in_clear,
    )


def _page(admin: Owner, request: HttpRequest, campaign: Campaign, **found: Any) -> HttpResponse:
    addresses = choosing.samples(campaign, count=SAMPLES)
    if not request.user.has_perm(IN_CLEAR):
        addresses = {pk: masking.mask_email(address) for pk, address in addresses.items()}
    return pages.show(
        admin,
        request,
        "admin/campaigns/campaign/preview.html",
        title="Preview",
        original=campaign,
        campaign=campaign,
        people=addresses,
        **found,
    )
