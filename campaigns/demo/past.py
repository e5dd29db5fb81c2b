"""The data set's own marketing campaigns, as past campaigns with their outcome."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from campaigns.demo.history import PastCampaign
from campaigns.models import Campaign, Conversion, Send
from consent import identity
from consent.models import Identifier

OCCURRENCE = "imported"


def load(campaigns: Sequence[PastCampaign], *, source: str) -> int:
    """Make each campaign with a sent row a household and a conversion a redemption.

    Opens and clicks were not recorded then: the campaigns say so, and nothing shows as 0.
    """
    subjects = _subjects(source)
    return sum(_load(past, subjects=subjects) for past in campaigns)


@transaction.atomic
def _load(past: PastCampaign, *, subjects: dict[str, int]) -> bool:
    """Load one campaign, all or nothing; say whether it was new."""
    campaign, is_new = Campaign.objects.get_or_create(
        slug=f"past-{past.campaign_id}",
        defaults={
            "name": past.name,
            "purpose_id": "email_marketing",
            "status": Campaign.Status.SENT,
            "is_imported": True,
            "has_tracking": False,
            "is_capped": False,
            "recommendation_count": 0,
            "created_at": past.starts_at,
            "launched_at": past.starts_at,
            "finished_at": past.starts_at,
        },
    )
    if is_new:
        sends = _sends(campaign, past, subjects=subjects, at=past.starts_at)
        _conversions(campaign, past, subjects=subjects, sends=sends)
    return is_new


def _subjects(source: str) -> dict[str, int]:
    rows = Identifier.objects.filter(kind=Identifier.Kind.EXTERNAL_ID, source=source)
    return dict(rows.values_list("hash", "subject_id"))


def _find(external_id: str, *, subjects: dict[str, int]) -> int | None:
    return subjects.get(identity.blind_index(Identifier.Kind.EXTERNAL_ID, external_id))


def _sends(
    campaign: Campaign, past: PastCampaign, *, subjects: dict[str, int], at: datetime
) -> dict[int, Send]:
    found = (_find(external_id, subjects=subjects) for external_id in past.external_ids)
    sends = [
        Send(
            campaign=campaign,
            subject_id=subject_id,
            occurrence=OCCURRENCE,
            state=Send.State.SENT,
            due_at=at,
            created_at=at,
            handed_over_at=at,
            sent_at=at,
        )
        for subject_id in found
        if subject_id is not None
    ]
    return {send.subject_id: send for send in Send.objects.bulk_create(sends, batch_size=2000)}


def _conversions(
    campaign: Campaign, past: PastCampaign, *, subjects: dict[str, int], sends: dict[int, Send]
) -> None:
    conversions = []
    for number, redemption in enumerate(past.redemptions):
        subject_id = _find(redemption.external_id, subjects=subjects)
        send = sends.get(subject_id) if subject_id is not None else None
        if send is not None:
            conversions.append(
                Conversion(
                    send=send,
                    campaign=campaign,
                    order_key=f"past:{past.campaign_id}:{number}",
                    occurred_at=redemption.at,
                )
            )
    Conversion.objects.bulk_create(conversions, batch_size=2000)
