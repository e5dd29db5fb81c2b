"""Send the members of a segment as CSV: those it has now, or those it had at a moment."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from consent import audit
from consent.admin.base import actor
from personalization.admin import segment_past
from personalization.admin.segment_page import SEES_PEOPLE, Owner, found
from personalization.models import Segment
from personalization.profiles import people
from personalization.segments import history

EXPORTED_AT_ONCE = 1000
# Who, and since when they were in it.
Rows: TypeAlias = Sequence[tuple[int, datetime]]


def export(admin: Owner, request: HttpRequest, object_id: str) -> HttpResponseBase:
    """Send the members, now or at a moment, as CSV to who may see personal data; that is noted."""
    segment = found(admin, request, object_id)
    if not request.user.has_perm(SEES_PEOPLE):
        raise PermissionDenied
    if "at" in request.POST:
        at = segment_past.asked(request.POST["at"], now=timezone.now())
        if at is None:
            raise Http404("there is no such moment in the past")
        then = history.was_in(segment, at=at)
        detail = {"members": len(then), "at": at.isoformat()}
        chunks, name = _chunks(then), f"{segment.slug}-{at:%Y-%m-%d-%H%M}"
    else:
        detail = {"members": segment.member_count}
        chunks, name = _members(segment), segment.slug
    audit.note("segment.export", actor=actor(request), target=segment, detail=detail)
    response = StreamingHttpResponse(_lines(chunks), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _members(segment: Segment) -> Iterator[Rows]:
    last = 0
    while rows := list(
        segment.memberships.filter(profile_id__gt=last)
        .order_by("profile_id")
        .values_list("profile_id", "entered_at")[:EXPORTED_AT_ONCE]
    ):
        yield rows
        last = rows[-1][0]


def _chunks(stays: Mapping[int, datetime]) -> Iterator[Rows]:
    ordered = sorted(stays.items())
    for first in range(0, len(ordered), EXPORTED_AT_ONCE):
        yield ordered[first : first + EXPORTED_AT_ONCE]


def _lines(chunks: Iterable[Rows]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield str(writer.writerow(["pseudonym", "email", "external_id", "entered_at"]))
    for rows in chunks:
        who = people.of([pk for pk, _ in rows], in_clear=True)
        for pk, entered_at in rows:
            person = who[pk]
            line = [person.pseudonym, person.email, person.number, entered_at.isoformat()]
            yield str(writer.writerow([_plain(cell) for cell in line]))


def _plain(cell: str) -> str:
    """Keep a spreadsheet from taking a value for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


class _Echo:
    """A file that hands back what is written."""

    def write(self, value: str) -> str:
        return value
