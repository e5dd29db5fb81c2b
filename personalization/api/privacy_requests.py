"""Requests under the law: take them in, and say how they stand."""

from datetime import UTC, datetime
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound, ParseError
from rest_framework.request import Request
from rest_framework.views import APIView

from consent import requests
from consent.api.authentication import CallerAuthentication, HasScope
from consent.models import ApiKey, PrivacyRequest
from personalization.api import asked, body, decision_schemas, person_examples, person_schemas
from personalization.api.profiles import answer
from personalization.serving import known

KINDS = (PrivacyRequest.Kind.EXPORT.value, PrivacyRequest.Kind.ERASURE.value)
_KNOWN = frozenset({"kind", "reference", "external_id", "anonymous_id", "email", "token", "source"})
_LONGEST_REFERENCE = 200


class OtherPerson(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "This reference is that of another person's request: use a new one."


class PrivacyRequests(APIView):
    authentication_classes = (CallerAuthentication,)
    permission_classes = (HasScope,)
    scope = ApiKey.Scope.PRIVACY_WRITE

    @extend_schema(
        operation_id="make_privacy_request",
        summary="Take in a request for export or erasure",
        description="The request is noted with its due date, a month from now, and shown to staff, "
        "who carry it out and close it: nothing is exported or erased by the call. The same "
        "`reference` asks once; the answer is then 200. Who nobody knows is noted, too.",
        tags=["Privacy"],
        request=person_schemas.REQUEST,
        responses={
            **decision_schemas.answers(
                person_schemas.REQUESTED, 400, 401, 403, 409, 413, success=201
            ),
            200: person_schemas.REQUESTED,
        },
        examples=[person_examples.REQUEST, person_examples.REQUESTED],
    )
    def post(self, request: Request) -> HttpResponse:
        given = body.mapping(request)
        if unknown := sorted(set(given) - _KNOWN):
            raise ParseError(
                f"Unknown: {unknown[0][:40]!r}. The body has: {', '.join(sorted(_KNOWN))}."
            )
        if given.get("kind") not in KINDS:
            raise ParseError(f"“kind” is one of: {', '.join(KINDS)}.")
        source = asked.source_in(given, request=request)
        reference = asked.text(
            given.get("reference") or "", name="reference", longest=_LONGEST_REFERENCE
        )
        subject = known.subject_of(asked.recipient(given), source=source)
        now = timezone.now()
        made = requests.take(
            str(given["kind"]),
            subject=subject,
            source=f"api:{source}",
            reference=reference,
            received_at=now,
        )
        if made.subject_id != (subject.pk if subject else None):
            raise OtherPerson
        is_new = made.received_at == now
        return answer(_told(made), status=201 if is_new else 200)


class OnePrivacyRequest(APIView):
    authentication_classes = (CallerAuthentication,)
    permission_classes = (HasScope,)
    scope = ApiKey.Scope.PRIVACY_READ

    @extend_schema(
        operation_id="read_privacy_request",
        summary="How a request stands",
        description="`received` until staff close it as `done` or `rejected`, with a note.",
        tags=["Privacy"],
        parameters=[OpenApiParameter("id", int, OpenApiParameter.PATH)],
        responses=decision_schemas.answers(person_schemas.REQUESTED, 401, 403, 404),
        examples=[person_examples.REQUESTED],
    )
    def get(self, request: Request, pk: str) -> HttpResponse:
        is_possible = len(pk) <= _MOST_DIGITS and int(pk) <= _LARGEST
        found = PrivacyRequest.objects.filter(pk=int(pk)).first() if is_possible else None
        if found is None:
            raise NotFound("There is no such request.")
        return answer(_told(found))


# What the database can look for.
_LARGEST = 2**63 - 1
_MOST_DIGITS = 19


def _told(request: PrivacyRequest) -> dict[str, Any]:
    return {
        "id": request.pk,
        "kind": request.kind,
        "state": request.state,
        "is_known": request.subject_id is not None,
        "source": request.source,
        "reference": request.reference,
        "received_at": _time(request.received_at),
        "due_at": _time(request.due_at),
        "done_at": _time(request.done_at),
        "note": request.note,
    }


def _time(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None
