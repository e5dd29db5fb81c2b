"""The two ledgers, consent and audit: read by who may, changed by nobody."""

import json

from django.contrib.admin import display, register
from django.utils.html import format_html
from django.utils.safestring import SafeString

from consent.admin.base import CappedPaginator, ReadOnlyAdmin
from consent.admin.look import Tone, chip, quiet, two_lines, when
from consent.models import AuditEntry, ConsentRecord

TONES: dict[str, Tone] = {
    "granted": "good",
    "refused": "warn",
    "withdrawn": "warn",
    "objected": "bad",
}


@register(ConsentRecord)
class ConsentRecordAdmin(ReadOnlyAdmin[ConsentRecord]):
    list_display = ("person", "purpose", "said", "source", "occurred")
    list_filter = ("purpose", "action", "source")
    list_select_related = ("subject", "purpose")
    date_hierarchy = "occurred_at"
    paginator = CappedPaginator
    ordering = ("-occurred_at", "-id")
    readonly_fields = ("evidence_shown",)
    fields = (
        "subject", "purpose", "action", "source", "occurred_at", "recorded_at",
        "notice_version", "language", "actor", "evidence_shown",
    )  # fmt: skip
    empty_state = {
        "icon": "fact_check",
        "title": "The ledger is empty",
        "text": "Every statement of a person stands here as it was made: granted, refused, "
        "withdrawn or objected, from where and when. Nobody can change or delete a line.",
    }

    @display(description="Subject")
    def person(self, record: ConsentRecord) -> SafeString:
        return two_lines(f"Subject {str(record.subject.pseudonym)[:8]}", record.subject.pseudonym)

    @display(description="Said", ordering="action")
    def said(self, record: ConsentRecord) -> SafeString:
        return chip(record.get_action_display(), tone=TONES[record.action])

    @display(description="When", ordering="occurred_at")
    def occurred(self, record: ConsentRecord) -> SafeString:
        return when(record.occurred_at)

    @display(description="Evidence")
    def evidence_shown(self, record: ConsentRecord) -> SafeString:
        return payload(record.evidence)


@register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin[AuditEntry]):
    list_display = ("act", "who", "about", "occurred")
    list_filter = ("action", "actor")
    list_select_related = ("actor",)
    date_hierarchy = "occurred_at"
    search_fields = ("pseudonym__exact", "object_id__exact")
    search_help_text = "Search by a whole pseudonym or object number."
    paginator = CappedPaginator
    readonly_fields = ("detail_shown",)
    fields = (
        "occurred_at", "actor", "action", "object_type", "object_id", "pseudonym", "detail_shown",
    )  # fmt: skip
    empty_state = {
        "icon": "history",
        "title": "Nothing noted yet",
        "text": "Who looked at whose data, who put which version live, who lifted a suppression: "
        "each act is noted here once and stays.",
    }

    @display(description="Act", ordering="action")
    def act(self, entry: AuditEntry) -> SafeString:
        return format_html("<strong>{}</strong>", entry.action)

    @display(description="By")
    def who(self, entry: AuditEntry) -> SafeString:
        return quiet(entry.actor or "the system")

    @display(description="About")
    def about(self, entry: AuditEntry) -> str:
        named = f"{entry.object_type} {entry.object_id}".strip()
        return named or (str(entry.pseudonym)[:8] if entry.pseudonym else "–")

    @display(description="When", ordering="id")
    def occurred(self, entry: AuditEntry) -> SafeString:
        return when(entry.occurred_at)

    @display(description="Detail")
    def detail_shown(self, entry: AuditEntry) -> SafeString:
        return payload(entry.detail)


def payload(value: object) -> SafeString:
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return format_html('<pre class="at-payload">{}</pre>', text)
