"""After import, sending and tracking, no row of any table says in clear who anybody is."""

import csv
import json
import re
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from campaigns.models import Send, TrackingEvent
from consent import identity, ledger
from consent.models import AuditEntry, DataSubject, Suppression
from personalization.importing.run import run
from personalization.ingest.accept import accept
from personalization.ingest.apply import apply_batch
from personalization.ingest.incoming import Incoming
from personalization.models import Event, InboxEvent, Receipt
from tests.campaigns import factories
from tests.campaigns.factories import MemoryBackend

pytestmark = pytest.mark.django_db

APPS = ("consent_", "personalization_", "campaigns_")
MARKERS = {
    "external_id": "CUST-QZX-7741",
    "email": "Zebulonia.Quirkmarker@Marker-Domain.example",
    "first_name": "Zebulonia",
    "last_name": "Quirkmarkerson",
    "phone": "+49 151 99887766",
    "street": "Xylophonallee 4711",
}
WORDS = ("zebulonia", "quirkmarker", "marker-domain", "99887766", "xylophonallee", "qzx-7741")
READER = {"User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140"}


def raw_rows() -> dict[str, str]:
    """Every row of every table of ours as PostgreSQL prints it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        )
        tables = [row[0] for row in cursor.fetchall() if row[0].startswith(APPS)]
        found = {}
        for table in tables:
            cursor.execute(f'SELECT string_agg(t::text, chr(10)) FROM "{table}" AS t')
            found[table] = cursor.fetchone()[0] or ""
    return found


def leaks(rows: dict[str, str]) -> list[tuple[str, str]]:
    return [
        (table, word)
        for table, text in rows.items()
        for word in WORDS
        # A binary column prints as hexadecimal.
        if word in text.lower() or word.encode().hex() in text.lower()
        or MARKERS["first_name"].encode().hex() in text.lower()
    ]  # fmt: skip


def import_file(folder: Path, kind: str, *rows: dict[str, Any]) -> None:
    path = folder / f"{kind}.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    run(kind, path=path, now=timezone.now())


def test_the_scan_finds_what_is_in_clear() -> None:
    Suppression.objects.create(address_hash="x", reason="manual", source="Zebulonia")

    assert leaks(raw_rows()) == [("consent_suppression", "zebulonia")]


def test_nobody_can_be_read_out_of_the_tables_after_the_whole_way_of_a_send(
    tmp_path: Path, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    now = timezone.now()
    customer = {
        **MARKERS, "country": "DE", "consent_email_marketing": "granted",
        "consent_email_tracking": "granted", "consent_profiling": "granted",
        "consent_source": "shop", "consent_at": (now - timedelta(days=9)).isoformat(),
    }  # fmt: skip
    import_file(tmp_path, "customers", customer, {**customer, "consent_at": "bad", "phone": "1"})
    import_file(
        tmp_path, "events",
        {"message_id": "m1", "type": "track", "event": "Product Viewed",
         "external_id": MARKERS["external_id"], "timestamp": (now - timedelta(days=1)).isoformat(),
         "properties": json.dumps({"email": MARKERS["email"], "note": f"ask {MARKERS['email']}"})},
    )  # fmt: skip
    incoming = Incoming(
        message_id="m2", event="Order Completed", timestamp=now - timedelta(hours=2),
        properties={"total": 5, "first_name": MARKERS["first_name"]},
        external_id=MARKERS["external_id"],
    )  # fmt: skip
    broken = Incoming(
        message_id="m3", event="", timestamp=now, external_id=MARKERS["external_id"],
        properties={"name": MARKERS["last_name"]},
    )  # fmt: skip
    accept([incoming, broken], source="attune", now=now)
    assert leaks(raw_rows()) == []

    backend = MemoryBackend()
    factories.launched(factories.campaign(now=now), now=now, backend=backend)
    html = _follow(backend, client, now=now)
    while apply_batch(now=now).taken:
        pass
    subject = Send.objects.get().subject
    ledger.object_to(subject, purpose="profiling", source="test", at=now)

    assert MARKERS["first_name"] in html
    assert Event.objects.filter(profile_id=subject.pk).count() >= 4
    assert InboxEvent.objects.exclude(quarantined_at=None).count() == 1
    assert Receipt.objects.exists()
    assert leaks(raw_rows()) == []
    assert not [word for word in WORDS if word in caplog.text.lower()]


def _follow(backend: MemoryBackend, client: Client, *, now: datetime) -> str:
    """Open, click and unsubscribe as a reader does; return what the mail said."""
    (envelope,) = backend.outbox
    message = message_from_bytes(envelope.content, policy=policy.default)
    body = message.get_body(("html",))
    assert body is not None
    html = str(body.get_content())
    Send.objects.update(sent_at=timezone.now() - timedelta(minutes=1))
    paths = {kind: path for path, kind in re.findall(r'https?://[^/"]+(/([ocu])/[^"\s]+)', html)}
    for kind, path in sorted(paths.items()):
        response = client.get(path, headers=READER)
        assert response.status_code in (200, 302), kind
        if kind == "u":
            assert (
                client.post(path, {"List-Unsubscribe": "One-Click"}, headers=READER).status_code
                == 200
            )
    assert set(TrackingEvent.objects.values_list("kind", flat=True)) >= {"opened", "unsubscribed"}
    return html


def test_only_pseudonyms_stand_in_the_audit_log(tmp_path: Path) -> None:
    import_file(tmp_path, "customers", {**MARKERS, "country": "DE"})
    subject = DataSubject.objects.get()

    assert subject.suppression_hash == identity.suppression_hash(
        identity.normalise_email(MARKERS["email"])
    )
    assert not [word for word in WORDS if word in str(list(AuditEntry.objects.values())).lower()]
