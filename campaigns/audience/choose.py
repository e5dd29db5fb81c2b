"""Find customers to look at a campaign through their eyes."""

from campaigns.models import Campaign
from consent import identify, identity
from consent.models import DataSubject, Identifier


def by_number(number: str) -> DataSubject | None:
    """Return the customer of a number, whichever shop gave it; the oldest, if two use it."""
    kind = Identifier.Kind.EXTERNAL_ID
    found = Identifier.objects.filter(kind=kind, hash=identity.blind_index(kind, number))
    match = found.select_related("subject__merged_into").order_by("pk").first()
    return (match.subject.merged_into or match.subject) if match else None


def samples(campaign: Campaign, *, count: int) -> dict[int, str]:
    """Return some members of the campaign's segments with their addresses."""
    people = DataSubject.objects.filter(
        profile__memberships__segment__in=campaign.segments.usable(), email_index__isnull=False
    )
    return identify.emails(people.order_by("pk").distinct().values_list("pk", flat=True)[:count])
