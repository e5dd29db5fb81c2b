"""The offers a campaign's rules may give: what is left of them, and whether it can be launched."""

from datetime import datetime

from campaigns.audience import estimate
from campaigns.models import Campaign
from personalization.offers import stock
from personalization.offers.deciding import offers_of
from personalization.offers.stock import Standing


def standings(campaign: Campaign) -> list[Standing]:
    """Return the offers that the live rules of the campaign's slots name."""
    slots = campaign.slots.exclude(ruleset__live=None).select_related("ruleset__live")
    versions = [slot.ruleset.live for slot in slots if slot.ruleset.live is not None]
    outcomes = (rule["outcome"] for version in versions for rule in version.content["rules"])
    return stock.standings(offers_of(outcomes))


def obstacles(campaign: Campaign, *, now: datetime) -> list[str]:
    """Say which offers keep a new campaign from being launched; a launched one goes on."""
    found = standings(campaign) if campaign.launched_at is None else []
    if not found:
        return []
    audience = estimate.reach(campaign, at=now).reached
    return list(stock.obstacles(found, audience=audience, now=now))
