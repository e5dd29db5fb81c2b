"""Find customers to look at a campaign through their eyes."""

from campaigns.models import Campaign
from consent import identify
from consent.models import DataSubject, Identifier


def by_number(number: str) -> DataSubject | None:
    """Return the customer of a number, whichever shop gave it."""
    sources = Identifier.objects.filter(kind=Identifier.Kind.EXTERNAL_ID).order_by()
    for source in sources.values_list("source", flat=True).distinct():
        found = identify.find(Identifier.Kind.EXTERNAL_ID, number, source=source)
        if found is not None:
            return found
    return None


def samples(campaign: Campaign, *, count: int) -> dict[int, str]:
    """Return some members of the campaign's segments with their addresses."""
    people = DataSubject.objects.filter(
        profile__memberships__segment__in=campaign.segments.all(), email_index__isnull=False
    )
    return identify.emails(people.order_by("pk").distinct().values_list("pk", flat=True)[:count])
