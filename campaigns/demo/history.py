"""The data set's 27 marketing campaigns: whom they went to and which coupons came back."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from campaigns.demo import source
from campaigns.demo.rows import external_id
from campaigns.demo.source import IntArray


@dataclass(frozen=True, slots=True)
class Redemption:
    external_id: str
    at: datetime
    coupon: str


@dataclass(frozen=True, slots=True)
class PastCampaign:
    """A campaign as it is on record: opens and clicks were not recorded, redemptions were."""

    campaign_id: int
    name: str
    kind: str
    starts_at: datetime
    ends_at: datetime
    external_ids: tuple[str, ...]
    redemptions: tuple[Redemption, ...]


def past_campaigns(households: IntArray, *, shift: np.timedelta64) -> list[PastCampaign]:
    """All campaigns by start, cut down to these households."""
    chosen = set(households.tolist())
    moved = shift.astype("timedelta64[s]").item()
    targets: dict[int, list[str]] = defaultdict(list)
    for row in source.rows("campaigns"):
        if row["household_id"] in chosen:
            targets[row["campaign_id"]].append(external_id(row["household_id"]))
    redeemed: dict[int, list[Redemption]] = defaultdict(list)
    for row in source.rows("coupon_redemptions"):
        if row["household_id"] in chosen:
            redeemed[row["campaign_id"]].append(
                Redemption(
                    external_id=external_id(row["household_id"]),
                    at=_utc(row["redemption_date"]) + moved,
                    coupon=str(row["coupon_upc"]),
                )
            )
    described = source.rows("campaign_descriptions")
    found = [
        PastCampaign(
            campaign_id=row["campaign_id"],
            name=f"Campaign {row['campaign_id']} ({row['campaign_type']})",
            kind=row["campaign_type"],
            starts_at=_utc(row["start_date"]) + moved,
            ends_at=_utc(row["end_date"]) + moved,
            external_ids=tuple(sorted(targets[row["campaign_id"]])),
            redemptions=tuple(sorted(redeemed[row["campaign_id"]], key=_by_time)),
        )
        for row in described
    ]
    return sorted(found, key=lambda campaign: (campaign.starts_at, campaign.campaign_id))


def _by_time(redemption: Redemption) -> tuple[datetime, str, str]:
    return redemption.at, redemption.external_id, redemption.coupon


def _utc(time: datetime) -> datetime:
    return datetime(time.year, time.month, time.day, tzinfo=UTC)
