"""What is known of one customer: masked for programs that decide, in clear for privacy programs."""

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from consent import audit
from consent.api.authentication import CallerAuthentication, HasScope, caller_of
from consent.models import ApiKey, DataSubject
from personalization.api import asked, decision_schemas, person_examples, person_schemas
from personalization.serving import known
from personalization.serving.question import Recipient


class Profiles(APIView):
    authentication_classes = (CallerAuthentication,)
    permission_classes = (HasScope,)
    scopes = {"get": (ApiKey.Scope.DECIDE, ApiKey.Scope.PRIVACY_READ)}

    @extend_schema(
        operation_id="profile",
        summary="What is known of one customer",
        description="With the scope `decide` names and addresses are masked and sensitive values "
        "left out; `token` is a name that tells nothing, for later calls. With `privacy:read` all "
        "is in clear, and the look is noted in the audit log. Values whose purpose the person did "
        "not allow are not there.",
        tags=["People"],
        parameters=[decision_schemas.SOURCE],
        responses=decision_schemas.answers(person_schemas.PROFILE, 400, 401, 403, 404),
        examples=[person_examples.PROFILE],
    )
    def get(self, request: Request, external_id: str) -> HttpResponse:
        named = asked.text(external_id, name="external_id", longest=asked.LONGEST)
        recipient = Recipient(kind="external_id", value=named)
        in_clear = ApiKey.Scope.PRIVACY_READ in caller_of(request).scopes
        found = known.profile(
            recipient, source=asked.source_of(request), in_clear=in_clear, now=timezone.now()
        )
        if found is None:
            raise NotFound("Nobody is known by this number; look at “source”, too.")
        if in_clear:
            note_look(request, found.subject)
        return answer({"external_id": named, **found.body})


def note_look(request: Request, subject: DataSubject) -> None:
    """Note that a program saw somebody's personal data."""
    audit.note(
        "personal_data.view",
        target=subject,
        pseudonym=subject.pseudonym,
        detail={"caller": caller_of(request).id},
    )


def answer(body: dict[str, Any], *, status: int = 200) -> Response:
    """Return what nobody on the way may keep."""
    return Response(body, status=status, headers={"Cache-Control": "no-store"})
