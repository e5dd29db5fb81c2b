"""The audience of a campaign as one query: every member of its segments, and why not if not."""

from datetime import datetime

from django.db.models import BigIntegerField, Case, CharField, QuerySet, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.lookups import Exact, LessThan

from campaigns.experiments.assign import HOLDOUT_BUCKETS, holdout_seed
from campaigns.experiments.bucketing import bucket_sql
from campaigns.models import Campaign, Experiment
from consent import gate
from consent.models import DataSubject

HOLDOUT = "holdout"


def members(campaign: Campaign) -> "QuerySet[DataSubject]":
    """Return everybody in the campaign's segments, each once; a broken one gives nobody."""
    return DataSubject.objects.filter(
        profile__memberships__segment__in=campaign.segments.usable()
    ).distinct()


def reason(campaign: Campaign, *, at: datetime) -> Case:
    """Return an expression over members: '' if they may be mailed, else why they are skipped.

    The holdout is drawn from those who may be mailed, so that both groups are alike.
    """
    refusal = gate.refusal("pk", purpose=campaign.purpose_id, at=at)
    experiment = Experiment.objects.filter(campaign=campaign, holdout_percent__gt=0).first()
    held_out = [] if experiment is None else [When(_is_held_out(experiment), then=Value(HOLDOUT))]
    return Case(
        When(~Exact(refusal, Value("")), then=refusal),
        *held_out,
        default=Value(""),
        output_field=CharField(),
    )


def _is_held_out(experiment: Experiment) -> LessThan:
    sql, params = bucket_sql(
        "consent_datasubject.pseudonym",
        seed=holdout_seed(experiment.seed),
        size=HOLDOUT_BUCKETS,
    )
    bucket = RawSQL(sql, params, output_field=BigIntegerField())
    return LessThan(bucket, Value(experiment.holdout_percent))
