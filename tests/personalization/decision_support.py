"""What the tests of the send-time API share: a slot, a key, and the two calls."""

from typing import Any

import orjson
from django.test import Client
from django.utils import timezone

from consent import keys
from consent.models import DataSubject
from personalization.models import RuleSet, SendTimeSlot
from personalization.serving import ready
from tests.campaigns import factories as make

SOURCE = make.SOURCE
URL = "/api/v1/personalize/"


def key(*scopes: str, source: str = SOURCE) -> str:
    made = keys.make(
        "Mailer", scopes=scopes or ("decide",), actor=None, now=timezone.now(), source=source
    )
    return made.secret


def slot(slug: str = "hero", *, ruleset: RuleSet | None = None, **given: Any) -> SendTimeSlot:
    """A live slot: Germans see `german`, everybody else `general`."""
    ready.forget()
    chosen = ruleset or RuleSet.objects.filter(slug="hero").first()
    return SendTimeSlot.objects.create(
        slug=slug,
        name=f"Slot {slug}",
        ruleset=chosen or make.ruleset(now=timezone.now()),
        **{"recommendation_count": 0, **given},
    )


def get(name: str = "hero", *, secret: str = "", headers: Any = None, **given: str) -> Any:
    values = given or {"external_id": "C1"}
    sent = {"Authorization": f"Bearer {secret or key()}", **(headers or {})}
    return Client().get(f"{URL}{name}", values, headers=sent)


def post(body: object, *, secret: str = "") -> Any:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"Authorization": f"Bearer {secret or key()}"}
    return Client().post(URL, raw, content_type="application/json", headers=headers)


def people() -> tuple[DataSubject, DataSubject]:
    now = timezone.now()
    return make.person(1, at=now), make.person(2, first_name="Ben", country="FR", at=now)


def reason(answer: Any) -> str:
    code: str = answer.json()["reasons"][0]["code"]
    return code
