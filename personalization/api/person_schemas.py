"""The shapes of what is said of one person, for the API's description."""

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers as s

_ACTIONS = ["granted", "refused", "withdrawn", "objected"]


def _who() -> dict[str, s.CharField]:
    return {
        name: s.CharField(max_length=200, required=False)
        for name in ("external_id", "anonymous_id", "email", "token")
    } | {"source": s.CharField(max_length=50, required=False)}


def _consents(name: str) -> s.BaseSerializer[object]:
    return inline_serializer(
        name,
        {
            "purpose": s.CharField(),
            "is_granted": s.BooleanField(),
            "is_objection": s.BooleanField(),
            "since": s.DateTimeField(allow_null=True),
            "expires_at": s.DateTimeField(allow_null=True),
            "statements": inline_serializer(
                f"{name}Record",
                {
                    "action": s.ChoiceField(choices=_ACTIONS),
                    "source": s.CharField(),
                    "at": s.DateTimeField(),
                    "recorded_at": s.DateTimeField(),
                    "is_own_choice": s.BooleanField(),
                },
                many=True,
            ),
        },
        many=True,
    )


PROFILE = inline_serializer(
    "Profile",
    {
        "external_id": s.CharField(),
        "token": s.CharField(help_text="A name that tells nothing, for later calls."),
        "is_masked": s.BooleanField(),
        "name": s.CharField(),
        "email": s.CharField(),
        "details": s.DictField(child=s.CharField(), help_text="As phone and street."),
        "attributes": s.DictField(),
        "traits": s.DictField(),
        "segments": s.ListField(child=s.CharField()),
        "permission": inline_serializer(
            "ProfilePermission",
            {
                "may_send": s.BooleanField(),
                "may_profile": s.BooleanField(),
                "reason": s.CharField(help_text="Why no mail may be sent; empty if it may."),
            },
        ),
    },
)
CONSENTS = inline_serializer("Consents", {"consents": _consents("Consent")})
STATEMENTS = inline_serializer(
    "ConsentStatements",
    {
        **_who(),
        "consents": inline_serializer(
            "ConsentSaid",
            {
                "purpose": s.CharField(max_length=40),
                "action": s.ChoiceField(choices=_ACTIONS),
                "source": s.CharField(max_length=60, required=False),
                "at": s.DateTimeField(help_text="ISO 8601 with zone."),
            },
            many=True,
        ),
    },
)
RECORDED = inline_serializer(
    "ConsentsRecorded",
    {
        "recorded": s.IntegerField(help_text="How many were new."),
        "consents": _consents("ConsentNow"),
    },
)
REQUEST = inline_serializer(
    "PrivacyRequestMade",
    {
        **_who(),
        "kind": s.ChoiceField(choices=["export", "erasure"]),
        "reference": s.CharField(max_length=200, required=False),
    },
)
REQUESTED = inline_serializer(
    "PrivacyRequest",
    {
        "id": s.IntegerField(),
        "kind": s.ChoiceField(choices=["export", "erasure", "shop_erasure"]),
        "state": s.ChoiceField(choices=["received", "done", "rejected"]),
        "is_known": s.BooleanField(),
        "source": s.CharField(),
        "reference": s.CharField(),
        "received_at": s.DateTimeField(),
        "due_at": s.DateTimeField(),
        "done_at": s.DateTimeField(allow_null=True),
        "note": s.CharField(),
    },
)
