"""The collector: events from browsers, servers and apps, in the words of their own clients."""

import base64
import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import TooManyFieldsSent
from django.db import IntegrityError, OperationalError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from personalization.ingest import accept, backlog, body, callers, networks
from personalization.ingest.body import Parsed
from personalization.ingest.dialects import (
    cloudevents,
    jitsu,
    posthog,
    rudderstack,
    segment,
    snowplow,
)
from personalization.ingest.dialects.sent import Sent
from personalization.ingest.incoming import Faulty, Incoming
from personalization.models import Source
from personalization.views import answers
from personalization.views.nudging import nudge

MOST_EVENTS = 2_500
_DRAINED_BYTES = 32_000_000
_EMPTY = Parsed(value=None, size=0)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a kind of client writes events, and where in a body its key stands."""

    read: Callable[[Sent], list[Incoming | Faulty]]
    key: Callable[[Sent], str] | None = None


SEGMENT = Dialect(rudderstack.read, key=lambda sent: segment.key(sent.parsed.value))
JITSU = Dialect(jitsu.read)
POSTHOG = Dialect(posthog.read, key=lambda sent: posthog.key(sent.parsed.value))
SNOWPLOW = Dialect(snowplow.read, key=snowplow.key)
CLOUDEVENTS = Dialect(cloudevents.read)


@csrf_exempt
def segment_call(request: HttpRequest, name: str) -> HttpResponse:
    """Take one message or a batch of Segment's and RudderStack's clients."""
    if name not in segment.KINDS and name not in segment.BATCHES:
        return answers.refused(request, status=404, problem=f"there is no call /v1/{name}")
    return collect(request, dialect=SEGMENT, kind=segment.KINDS.get(name, ""))


@csrf_exempt
def jitsu_call(request: HttpRequest, name: str) -> HttpResponse:
    return collect(request, dialect=JITSU, kind=name)


@csrf_exempt
def posthog_call(request: HttpRequest) -> HttpResponse:
    return collect(request, dialect=POSTHOG)


@csrf_exempt
def snowplow_call(request: HttpRequest) -> HttpResponse:
    return collect(request, dialect=SNOWPLOW)


@csrf_exempt
def cloudevents_call(request: HttpRequest) -> HttpResponse:
    return collect(request, dialect=CLOUDEVENTS)


@csrf_exempt
def snowplow_pixel(request: HttpRequest) -> HttpResponse:
    """Take the event in the address of a picture."""
    answer = collect(request, dialect=SNOWPLOW, methods=("GET", "HEAD"))
    return answers.pixel(request) if answer.status_code == 200 else answer


@csrf_exempt
def segment_settings(request: HttpRequest, key: str) -> HttpResponse:
    """Tell Segment's browser library where to send; it asks before it does anything."""
    return _answered(request, lambda: _settings(request, key=key))


@csrf_exempt
def rudder_config(request: HttpRequest) -> HttpResponse:
    """Tell RudderStack's browser library that its source is on."""
    if request.method == "OPTIONS":
        return answers.preflight(request)
    return _answered(request, lambda: _config(request))


def collect(
    request: HttpRequest, *, dialect: Dialect, kind: str = "", methods: tuple[str, ...] = ("POST",)
) -> HttpResponse:
    """Read, find the source, store for the workers: nothing else happens in the request."""
    if request.method == "OPTIONS":
        return answers.preflight(request)
    if request.method not in methods:
        return answers.refused(request, status=405, problem=f"send it by {methods[0]}")
    now = timezone.now()
    return _answered(request, lambda: _taken_in(request, dialect=dialect, kind=kind, now=now))


def _answered(request: HttpRequest, answer: Callable[[], HttpResponse]) -> HttpResponse:
    """Answer, or say in JSON what is wrong and whether to send it again."""
    try:
        return answer()
    except body.Unreadable as fault:
        return answers.refused(request, status=400, problem=str(fault))
    except TooManyFieldsSent:
        return answers.refused(request, status=400, problem="too many fields in the address")
    except UnreadablePostError:
        return answers.refused(request, status=400, problem="the body broke off")
    except body.TooLarge as fault:
        return answers.refused(request, status=413, problem=str(fault))
    except OperationalError:
        return answers.wait(request, status=503, problem="the database does not answer")


def _settings(request: HttpRequest, *, key: str) -> HttpResponse:
    if callers.find(key, now=timezone.now()) is None:
        return answers.unknown_key(request)
    return answers.segment_settings(request, key=key)


def _config(request: HttpRequest) -> HttpResponse:
    key = next(_keys_beside(request), "")
    source = callers.find(key, now=timezone.now())
    if source is None:
        return answers.unknown_key(request)
    return answers.rudder_config(request, source=source, key=key)


def _taken_in(request: HttpRequest, *, dialect: Dialect, kind: str, now: datetime) -> HttpResponse:
    if backlog.is_full(now=now):
        return answers.wait(request, status=429, problem="too many events wait already")
    is_read = request.method in ("GET", "HEAD")
    parsed = _EMPTY if is_read else body.parse(_received(request))
    sent = _sent(request, parsed=parsed, kind=kind, now=now)
    source = _source(request, sent=sent, dialect=dialect)
    if source is None:
        return answers.unknown_key(request)
    # Asked before any is read: a few kilobytes of gzip can hold a million of them.
    if (size := body.length(parsed.value)) > MOST_EVENTS:
        raise body.TooLarge(f"{size:,} events at once; {MOST_EVENTS:,} may be")
    events = dialect.read(replace(sent, categories=callers.categories(source)))
    try:
        accept.accept(events, source=source, now=now)
    except IntegrityError:
        # The source was deleted while its key was remembered.
        callers.forget()
        return answers.unknown_key(request)
    nudge.give()
    faulty = sum(isinstance(event, Faulty) for event in events)
    return answers.accepted(request, count=len(events), quarantined=faulty)


def _received(request: HttpRequest) -> bytes:
    """Return the body; one that is too long is read to its end, or its sender hears no answer."""
    read = _reader(request)
    raw = _read_up_to(read, body.RECEIVED_BYTES + 1)
    drained = len(raw)
    while len(raw) > body.RECEIVED_BYTES and drained < _DRAINED_BYTES and (more := read(65_536)):
        drained += len(more)
    return raw


def _reader(request: HttpRequest) -> Callable[[int], bytes]:
    """Return how to read on; a body in chunks has no length, and Django takes it for empty."""
    stream: Any = request.META.get("wsgi.input")
    is_chunked = not request.META.get("CONTENT_LENGTH")
    if is_chunked and request.META.get("wsgi.input_terminated") and stream is not None:
        reader: Callable[[int], bytes] = stream.read
        return reader
    return request.read


def _read_up_to(read: Callable[[int], bytes], size: int) -> bytes:
    parts = []
    while size > 0 and (part := read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _sent(request: HttpRequest, *, parsed: Parsed, kind: str, now: datetime) -> Sent:
    meta = request.META
    # A server's address is its own; only a browser's is where the person is.
    is_browser = "HTTP_ORIGIN" in meta or "HTTP_REFERER" in meta
    return Sent(
        parsed=parsed,
        received_at=now,
        kind=kind,
        header=lambda name: str(meta.get(f"HTTP_{name.upper().replace('-', '_')}", "")),
        query=request.GET.dict() if meta.get("QUERY_STRING") else {},
        network=networks.cut(_address(request)) if is_browser else "",
        agent=str(meta.get("HTTP_USER_AGENT", "")) if is_browser else "",
        has_gpc=meta.get("HTTP_SEC_GPC") == "1",
    )


def _address(request: HttpRequest) -> str:
    meta = request.META
    return networks.client(
        str(meta.get("REMOTE_ADDR", "")),
        forwarded=str(meta.get("HTTP_X_FORWARDED_FOR", "")),
        proxies=settings.ATTUNE_PROXIES,
    )


def _source(request: HttpRequest, *, sent: Sent, dialect: Dialect) -> Source | None:
    """Return the source of the first key that is one, wherever the client put it."""
    for key in _keys_beside(request):
        if source := callers.find(key, now=sent.received_at):
            return source
    return callers.find(dialect.key(sent), now=sent.received_at) if dialect.key else None


def _keys_beside(request: HttpRequest) -> Iterator[str]:
    """Give the keys of headers and address, most usual first."""
    scheme, _, given = str(request.META.get("HTTP_AUTHORIZATION", "")).partition(" ")
    if scheme.lower() == "basic":
        yield _basic(given)
    elif scheme.lower() == "bearer":
        yield given.strip()
    if key := str(request.META.get("HTTP_X_WRITE_KEY", "")):
        yield key
        yield jitsu.secret(key)
    if request.META.get("QUERY_STRING"):
        yield request.GET.get("writeKey", "")


def _basic(given: str) -> str:
    try:
        return base64.b64decode(given.strip()).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return ""
