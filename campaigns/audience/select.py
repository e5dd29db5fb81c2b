"""The audience of a campaign as one query: every member of its segments, and why not if not."""

from datetime import datetime

from django.db.models import BigIntegerField, Case, CharField, F, Q, QuerySet, Value, When
from django.db.models.expressions import RawSQL

from campaigns.experiments.assign import HOLDOUT_BUCKETS, holdout_seed
from campaigns.experiments.bucketing import bucket_sql
from campaigns.models import Campaign, Experiment
from consent import gate
from consent.models import DataSubject

HOLDOUT = "holdout"


def members(campaign: Campaign, *, at: datetime) -> "QuerySet[DataSubject]":
    """Return members with `reason`: '' if they may be mailed, else why they are skipped.

    The holdout is drawn from those who may be mailed, so that both groups are alike.
    """
    people = DataSubject.objects.filter(
        profile__memberships__segment__in=campaign.segments.all()
    ).distinct()
    refusal = gate.refusal("pk", purpose=campaign.purpose_id, at=at)
    people = people.annotate(refused=refusal)
    experiment = Experiment.objects.filter(campaign=campaign, holdout_percent__gt=0).first()
    if experiment is None:
        return people.annotate(reason=F("refused"))
    sql, params = bucket_sql(
        "consent_datasubject.pseudonym",
        seed=holdout_seed(experiment.seed),
        size=HOLDOUT_BUCKETS,
    )
    return people.annotate(
        bucket=RawSQL(sql, params, output_field=BigIntegerField()),
        reason=Case(
            When(~Q(refused=""), then=F("refused")),
            When(bucket__lt=experiment.holdout_percent, then=Value(HOLDOUT)),
            default=Value(""),
            output_field=CharField(),
        ),
    )
