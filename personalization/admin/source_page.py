"""What the page of a source shows above its form."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from consent.admin.look import chip
from consent.models import Purpose
from personalization.admin import charts
from personalization.admin.source_form import MAPPINGS
from personalization.models import ImportRun, Source
from personalization.quality import report
from personalization.quality.alerts import Alert, Kind
from personalization.quality.report import Report, Waiting
from personalization.quality.tallies import Tally
from personalization.sources import secrets, snippets

ICONS: Final = {
    "collector": "language",
    "shopify": "storefront",
    "woocommerce": "storefront",
    "hubspot": "contacts",
    "generic": "webhook",
    "file": "upload_file",
    "system": "graphic_eq",
}
SIGNED: Final = frozenset(("shopify", "woocommerce", "hubspot", "generic"))
# Whose secret the other side makes: leaving the field empty would help nobody.
GIVEN_SECRET: Final = frozenset(("shopify", "hubspot"))
FIELDS_SHOWN, DRIFT_SHOWN, FILES_SHOWN, REASONS_SHOWN = 12, 12, 5, 8


def fieldsets(source: Source | None) -> list[tuple[str | None, dict[str, Any]]]:
    """Return the form in parts; a mapping is asked for only where one is read."""
    parts: list[tuple[str | None, dict[str, Any]]] = [
        (None, {"fields": ["name", "slug", "kind"]}),
        ("Customers and alarms", {"fields": ["id_space", "stale_after_hours", "is_active"]}),
    ]
    if source is not None and source.kind in MAPPINGS:
        parts.append(("Mapping", {"fields": ["mapping"]}))
    return parts


def of(source: Source, *, request: HttpRequest, now: datetime) -> dict[str, Any]:
    """Read everything about a source; a constant number of queries."""
    found = report.of(source, now=now)
    return {
        "report": found,
        "icon": ICONS[source.kind],
        "state_chip": state(source, alerts=found.alerts),
        "figures": _figures(found),
        "columns": charts.columns(found.tally),
        "lags": charts.lags(found.tally.lags),
        "refused": charts.bars(_by_purpose(found.tally)),
        "unread": charts.bars(_by_reason(found.tally)),
        "reasons": [(each, _quarantine_url(source, each)) for each in found.quarantine],
        "quarantine_url": _quarantine_url(source),
        "deliveries_url": _deliveries_url(source),
        "failed": charts.bars(list(found.deliveries.reasons)),
        "filled": found.fields.filled[:FIELDS_SHOWN],
        "drift_shown": DRIFT_SHOWN,
        "files": _files(source),
        "snippets": snippets.of(source, public_url=settings.PUBLIC_URL),
        "is_signed": source.kind in SIGNED,
        "is_given_secret": source.kind in GIVEN_SECRET,
        "secret_since": secrets.changed_at(source) if source.secrets else None,
        "may_change": request.user.has_perm("personalization.change_source"),
        "is_new": source.last_event_at is None and not found.tally.arrived,
        "subtitle": source.name,
    }


def state(source: Source, *, alerts: Sequence[Alert]) -> SafeString:
    """Say in one chip how a source does; what is wrong comes first."""
    if not source.is_active:
        return chip("Switched off")
    for alert in alerts:
        word = "Silent" if alert.kind == Kind.SILENT else "Faulty"
        return chip(word, tone="bad", title=alert.text)
    if source.last_event_at is None:
        return chip("Waiting", tone="info", title="No event yet")
    return chip("Live", tone="good")


def _figures(found: Report) -> list[tuple[str, str, str]]:
    """Return name, figure and note of each card."""
    tally = found.tally
    return [
        ("Arrived", f"{tally.arrived:,}", f"in {report.DAYS} days"),
        ("Stored", _share(tally, "stored"), f"{tally.total('stored'):,} events"),
        ("Repeats", _share(tally, "repeated"), "left out, not counted twice"),
        ("Without consent", _share(tally, "refused"), "counted, not kept"),
        ("In quarantine", f"{found.in_quarantine:,}", "to be mended"),
        ("Lag", charts.lag_words(tally.lag_of(0.95)), "for 95 of 100 events"),
    ]


def _files(source: Source) -> list[ImportRun]:
    """Return the latest files that were loaded; what they refused stands on their own pages."""
    loaded = ImportRun.objects.filter(source=source).exclude(load_job=None)
    return list(loaded.select_related("load_job").order_by("-id")[:FILES_SHOWN])


def _by_purpose(tally: Tally) -> list[tuple[str, int]]:
    """Name the purposes that were not granted as people know them."""
    if not tally.refused:
        return []
    names = dict(Purpose.objects.values_list("code", "name"))
    return [(names.get(code, code), count) for code, count in tally.refused.items()]


def _by_reason(tally: Tally) -> list[tuple[str, int]]:
    """Return why events could not be read, mended and discarded ones too; most frequent first."""
    return [(capfirst(each), n) for each, n in tally.quarantined.items()][:REASONS_SHOWN]


def _share(tally: Tally, outcome: str) -> str:
    if not tally.arrived:
        return "–"
    return f"{100 * tally.total(outcome) / tally.arrived:.1f} %"


def _quarantine_url(source: Source, each: Waiting | None = None) -> str:
    query = {"source__id__exact": source.pk} | ({"reason": each.reason} if each else {})
    return f"{reverse('admin:personalization_inboxevent_changelist')}?{urlencode(query)}"


def _deliveries_url(source: Source) -> str:
    query = urlencode({"source__id__exact": source.pk, "state__exact": "failed"})
    return f"{reverse('admin:personalization_webhookdelivery_changelist')}?{query}"
