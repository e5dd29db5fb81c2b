"""Examples of what is said of one person, for the API's description."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

_AT = "2026-11-20T08:30:00Z"
_CONSENTS: list[dict[str, Any]] = [
    {
        "purpose": "email_marketing",
        "is_granted": True,
        "is_objection": False,
        "since": _AT,
        "expires_at": None,
        "statements": [
            {
                "action": "granted",
                "source": "checkout form",
                "at": _AT,
                "recorded_at": "2026-11-20T08:30:02Z",
                "is_own_choice": False,
            }
        ],
    }
]
PROFILE = OpenApiExample(
    "Masked",
    value={
        "external_id": "C-1001",
        "token": "q3tXq0m5RkK2nX3xq1s8Wm1Jt0cH2o8mZc1yQbVt",
        "is_masked": True,
        "name": "A*** B***",
        "email": "a***@e***.com",
        "details": {"phone": "+***"},
        "attributes": {"country": "DE"},
        "traits": {"order_count": 3},
        "segments": ["readers"],
        "permission": {"may_send": True, "may_profile": True, "reason": ""},
    },
    response_only=True,
)
CONSENTS = OpenApiExample("Granted", value={"consents": _CONSENTS}, response_only=True)
STATEMENTS = OpenApiExample(
    "At the till",
    value={
        "external_id": "C-1001",
        "consents": [
            {
                "purpose": "email_marketing",
                "action": "granted",
                "source": "checkout form",
                "at": "2026-11-20T09:30:00+01:00",
            }
        ],
    },
    request_only=True,
)
RECORDED = OpenApiExample(
    "Recorded", value={"recorded": 1, "consents": _CONSENTS}, response_only=True
)
REQUEST = OpenApiExample(
    "An erasure",
    value={"external_id": "C-1001", "kind": "erasure", "reference": "ticket-17"},
    request_only=True,
)
REQUESTED = OpenApiExample(
    "Taken in",
    value={
        "id": 12,
        "kind": "erasure",
        "state": "received",
        "is_known": True,
        "source": "api:shop",
        "reference": "ticket-17",
        "received_at": _AT,
        "due_at": "2026-12-20T08:30:00Z",
        "done_at": None,
        "note": "",
    },
    response_only=True,
)
