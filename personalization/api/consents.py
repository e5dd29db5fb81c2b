"""Read what a person said about each purpose, and record what a program was told."""

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.request import Request
from rest_framework.views import APIView

from consent import ledger
from consent.api.authentication import CallerAuthentication, HasScope, caller_of
from consent.ledger import Statement
from consent.models import ApiKey, DataSubject
from consent.standing import Standing, by_purpose
from personalization.api import asked, body, decision_schemas, person_examples, person_schemas
from personalization.api.profiles import answer, note_look
from personalization.importing import catalogue, customer_rows
from personalization.importing.values import CellError
from personalization.serving import known
from personalization.serving.question import Recipient

MOST_STATEMENTS = 50
_KNOWN = frozenset({"external_id", "anonymous_id", "email", "token", "source", "consents"})
NOBODY = "Nobody is known by this name: put the customer first, or look at “source”."


class Consents(APIView):
    authentication_classes = (CallerAuthentication,)
    permission_classes = (HasScope,)
    scopes = {"get": (ApiKey.Scope.PRIVACY_READ,), "post": (ApiKey.Scope.PRIVACY_WRITE,)}

    @extend_schema(
        operation_id="read_consents",
        summary="What a person said about each purpose",
        description="Every purpose with its state now and all statements, newest first. The look "
        "is noted in the audit log.",
        tags=["Privacy"],
        parameters=decision_schemas.PERSON,
        responses=decision_schemas.answers(person_schemas.CONSENTS, 400, 401, 403, 404),
        examples=[person_examples.CONSENTS],
    )
    def get(self, request: Request) -> HttpResponse:
        subject = _subject(asked.person(request), source=asked.source_of(request))
        note_look(request, subject)
        return answer({"consents": _told(subject, now=timezone.now())})

    @extend_schema(
        operation_id="record_consents",
        summary="Record what a person said",
        description="Statements go to the ledger as your word: they lift neither an objection nor "
        "a suppression nor the person's own refusal. The same statement twice is kept once. All "
        "of a call is recorded, or none.",
        tags=["Privacy"],
        request=person_schemas.STATEMENTS,
        responses=decision_schemas.answers(
            person_schemas.RECORDED, 400, 401, 403, 404, 413, success=201
        ),
        examples=[person_examples.STATEMENTS, person_examples.RECORDED],
    )
    def post(self, request: Request) -> HttpResponse:
        given = body.mapping(request)
        if unknown := sorted(set(given) - _KNOWN):
            raise ParseError(
                f"Unknown: {unknown[0][:40]!r}. The body has: {', '.join(sorted(_KNOWN))}."
            )
        source = asked.source_in(given, request=request)
        now = timezone.now()
        statements = _statements(given.get("consents"), source=source, now=now)
        subject = _subject(asked.recipient(given), source=source)
        recorded = ledger.record_many(
            [_statement(each, subject=subject, request=request) for each in statements]
        )
        return answer({"recorded": recorded, "consents": _told(subject, now=now)}, status=201)


def _subject(recipient: Recipient, *, source: str) -> DataSubject:
    found = known.subject_of(recipient, source=source)
    if found is None:
        raise NotFound(NOBODY)
    return found


def _statements(given: object, *, source: str, now: datetime) -> list[customer_rows.Said]:
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_STATEMENTS:
        raise ParseError(f"“consents” is a list of 1 to {MOST_STATEMENTS} statements.")
    columns = customer_rows.catalogue()
    try:
        return [
            catalogue.said(
                each, field=f"consents[{place}]", columns=columns, source=source, now=now
            )
            for place, each in enumerate(given)
        ]
    except CellError as fault:
        raise ParseError(f"“{fault.column}” {fault.reason}.") from fault


def _statement(said: customer_rows.Said, *, subject: DataSubject, request: Request) -> Statement:
    return Statement(
        subject_id=subject.pk,
        purpose=said.purpose,
        action=said.action,
        source=said.source,
        occurred_at=said.at,
        evidence={"caller": caller_of(request).id},
    )


def _told(subject: DataSubject, *, now: datetime) -> list[dict[str, Any]]:
    return [_purpose(each) for each in by_purpose(subject, at=now)]


def _purpose(standing: Standing) -> dict[str, Any]:
    state = standing.state
    return {
        "purpose": standing.purpose.code,
        "is_granted": standing.is_granted,
        "is_objection": bool(state and state.is_objection),
        "since": _time(state.since if state else None),
        "expires_at": _time(state.expires_at if state else None),
        "statements": [
            {
                "action": record.action,
                "source": record.source,
                "at": _time(record.occurred_at),
                "recorded_at": _time(record.recorded_at),
                "is_own_choice": record.is_own_choice,
            }
            for record in standing.records
        ],
    }


def _time(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
