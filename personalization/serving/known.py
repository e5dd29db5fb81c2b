"""What programs may see of one person: values as consents allow, names in clear or masked."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from consent import gate
from consent.models import DataSubject
from personalization.conditions.tree import NOTHING
from personalization.models import Field, SegmentMembership
from personalization.profiles import catalogue, load, people
from personalization.serving import recipients, tokens
from personalization.serving.question import Recipient
from personalization.serving.suggest import PURPOSE


@dataclass(frozen=True, slots=True)
class Known:
    subject: DataSubject
    body: dict[str, Any] = field(repr=False)


def subject_of(recipient: Recipient, *, source: str) -> DataSubject | None:
    """Return the living person who is meant."""
    [pk] = recipients.find([recipient], source=source)
    return DataSubject.objects.living().filter(pk=pk).first() if pk is not None else None


def profile(recipient: Recipient, *, source: str, in_clear: bool, now: datetime) -> Known | None:
    """Return what is known of a person, None where nobody is."""
    subject = subject_of(recipient, source=source)
    if subject is None:
        return None
    permission = gate.ask(subject, purpose=PURPOSE, at=now)
    loaded = load.profiles(
        {subject.pk: permission},
        needs=NOTHING,
        catalogue=catalogue.load(),
        now=now,
        with_history=False,
        with_address=False,
    )
    values = dict(loaded[0].facts.values) if loaded else {}
    who = people.of([subject.pk], in_clear=in_clear)[subject.pk]
    body = {
        "token": tokens.sign(subject.pseudonym),
        "is_masked": not in_clear,
        "name": who.name,
        "email": who.email,
        "details": dict(who.details),
        "attributes": _values(values, kind="attributes"),
        "traits": _values(values, kind="traits"),
        "segments": _segments(subject.pk),
        "permission": {
            "may_send": permission.may_send,
            "may_profile": permission.may_profile,
            "reason": permission.reason,
        },
    }
    return Known(subject=subject, body=body)


def _values(values: dict[str, Any], *, kind: str) -> dict[str, Any]:
    """Return what is registered and neither personal nor sensitive: the rest is sealed anyway."""
    plain = Field.objects.filter(kind=kind, is_personal=False, is_sensitive=False)
    names = plain.order_by("name").values_list("name", flat=True)
    return {name: values[f"{kind}.{name}"] for name in names if f"{kind}.{name}" in values}


def _segments(subject_id: int) -> list[str]:
    held = SegmentMembership.objects.filter(
        profile_id=subject_id, segment__broken_since=None, segment__is_archived=False
    )
    return list(held.order_by("segment__slug").values_list("segment__slug", flat=True))
