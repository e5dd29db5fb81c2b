"""PUT products and customers: who may, a result for each item, and what bad bodies are answered."""

import base64
import gzip
import json
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent import gate, identify, keys, ledger, suppression
from consent.models import ApiKey, ConsentRecord, DataSubject, Purpose
from personalization.models import CustomerProfile, Field, Product, ProductChange, Source
from tests.personalization.test_importing_customers import personal_of

pytestmark = pytest.mark.django_db

PRODUCTS, CUSTOMERS = "/api/v1/products/", "/api/v1/customers/"
BOOTS = {"product_id": "b-1", "name": "Boots", "price": "79.90", "currency": "EUR"}
ANNA = {"external_id": "C-1", "email": "anna@example.com", "attributes": {"city": "Bonn"}}


def key(*scopes: str, **given: Any) -> str:
    made = keys.make("Shop", scopes=scopes, actor=None, now=timezone.now(), **given)
    return made.secret


def put(
    url: str, body: object, *, secret: str | None = None, headers: dict[str, str] | None = None
) -> Any:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    if headers is None:
        headers = {"Authorization": f"Bearer {secret or key('ingest')}"}
    return Client().put(url, raw, content_type="application/json", headers=headers)


def statuses(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [each["status"] for each in answer.json()["results"]]


def basic(secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"key:{secret}".encode()).decode()}


def test_a_key_is_taken_from_each_usual_header() -> None:
    secret = key("ingest")

    for headers in (
        {"Authorization": f"Bearer {secret}"},
        {"X-API-Key": secret},
        basic(secret),
    ):
        assert put(PRODUCTS, [], headers=headers).status_code == 200
    assert ApiKey.objects.get().last_used_at is not None


@pytest.mark.parametrize("url", [PRODUCTS, CUSTOMERS])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer atk_wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic ???"},
        {"X-API-Key": "nonsense"},
    ],
)
def test_without_a_key_that_holds_nothing_is_taken(url: str, headers: dict[str, str]) -> None:
    answer = put(url, [BOOTS], headers=headers)

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 401
    assert not Product.objects.exists()


def test_a_key_of_another_scope_is_told_which_it_lacks() -> None:
    answer = put(PRODUCTS, [BOOTS], secret=key("decide"))

    assert answer.status_code == 403
    assert 'scope="ingest"' in answer["WWW-Authenticate"]
    assert "ingest" in answer.json()["title"]
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("wrap", [lambda rows: rows, lambda rows: {"items": rows}])
def test_products_are_put_and_a_fault_concerns_its_item_only(wrap: Any) -> None:
    answer = put(PRODUCTS, wrap([BOOTS, {"product_id": "b-2"}, 7, {**BOOTS, "price": -1}]))

    results = answer.json()["results"]
    assert statuses(answer) == ["created", "rejected", "rejected", "rejected"]
    assert [each["index"] for each in results] == [0, 1, 2, 3]
    assert [each["id"] for each in results] == ["b-1", "b-2", None, "b-1"]
    assert results[3]["errors"] == [{"field": "price", "reason": "'-1' is below zero"}]
    assert answer.json()["counts"] == {"created": 1, "rejected": 3}
    assert Product.objects.get().name == "Boots"


def test_a_second_call_changes_nothing_and_a_new_price_is_history() -> None:
    put(PRODUCTS, [BOOTS])

    same = put(PRODUCTS, [BOOTS])
    changed = put(PRODUCTS, [{"product_id": "b-1", "price": 59, "stock": 3}])

    assert (statuses(same), statuses(changed)) == (["unchanged"], ["updated"])
    assert [float(c.price) for c in ProductChange.objects.order_by("pk")] == [79.9, 59.0]


def test_one_id_twice_in_a_call_is_laid_over_itself_in_order() -> None:
    answer = put(PRODUCTS, [BOOTS, {"product_id": "b-1", "name": "Better"}])

    assert statuses(answer) == ["created", "updated"]
    assert Product.objects.get().name == "Better"


def test_customers_are_put_with_attributes_and_consents() -> None:
    consent = {
        "purpose": "email_marketing", "action": "granted", "source": "checkout",
        "at": "2026-01-05T10:00:00Z",
    }  # fmt: skip
    attributes = {"first_name": "Anna", "city": "Bonn", "shoe_size": 39}

    answer = put(CUSTOMERS, [{**ANNA, "attributes": attributes, "consents": [consent]}])

    subject = identify.find("external_id", "C-1", source="api")
    assert subject is not None
    assert statuses(answer) == ["created"]
    assert answer.json()["left_out"] == ["shoe_size"]
    assert CustomerProfile.objects.get().attributes == {"city": "Bonn"}
    assert personal_of(subject) == {"first_name": "Anna"}
    record = ConsentRecord.objects.get()
    assert (record.source, record.is_own_choice) == ("checkout", False)
    assert record.evidence["caller"] == f"api_key:{ApiKey.objects.get().pk}"
    assert "anna" not in answer.content.decode()


@pytest.mark.parametrize(
    ("item", "field", "said"),
    [
        ({}, "external_id", "is missing"),
        ({**ANNA, "email": "no address"}, "email", "not an email address"),
        ({**ANNA, "city": "Bonn"}, "city", "put it into attributes"),
        ({**ANNA, "attributes": []}, "", ""),
        ({**ANNA, "attributes": [1]}, "attributes", "not a JSON object"),
        ({**ANNA, "attributes": {"city": {}}}, "city", "not text"),
        ({**ANNA, "attributes": {"city": "a\0b"}}, "city", "NUL"),
        ({**ANNA, "external_id": 10**30}, "external_id", "too long to be exact"),
        ({**ANNA, "external_id": True}, "external_id", "not text"),
        ({**ANNA, "consents": "yes"}, "consents", "not a list"),
        ({**ANNA, "consents": [1]}, "consents[0]", "not a JSON object"),
        ({**ANNA, "consents": [{"purpose": "x"}]}, "consents[0].purpose", "none of"),
        (
            {**ANNA, "consents": [{"purpose": "profiling", "action": "maybe"}]},
            "consents[0].action",
            "none of granted",
        ),
        (
            {**ANNA, "consents": [{"purpose": "profiling", "action": "granted"}]},
            "consents[0].at",
            "is missing",
        ),
    ],
)
def test_a_bad_customer_is_told_what_and_where_and_its_neighbour_is_taken(
    item: dict[str, Any], field: str, said: str
) -> None:
    # The library of the language writes numbers of any length.
    answer = put(CUSTOMERS, json.dumps([item, {"external_id": "ok"}]).encode())

    first, second = answer.json()["results"]
    assert second["status"] == "created"
    if said:
        assert first["status"] == "rejected"
        assert first["errors"][0]["field"] == field
        assert said in first["errors"][0]["reason"]
    else:
        assert first["status"] == "created"


def test_number_and_address_of_two_people_are_a_conflict_of_that_item() -> None:
    put(CUSTOMERS, [{"external_id": "1", "email": "a@example.com"}, {"external_id": "2"}])

    answer = put(CUSTOMERS, [{"external_id": "2", "email": "a@example.com"}, {"external_id": "3"}])

    assert statuses(answer) == ["rejected", "created"]
    assert answer.json()["results"][0]["errors"][0]["field"] == "email"


def test_numbers_belong_to_the_source_that_the_call_or_the_key_names() -> None:
    for slug in ("shop", "crm"):
        Source.objects.create(slug=slug, name=slug, id_space="house" if slug == "crm" else "")
    of_crm = key("ingest", source="crm")

    put(CUSTOMERS, [ANNA], secret=of_crm)
    put(f"{CUSTOMERS}?source=shop", [{"external_id": "C-1"}], secret=of_crm)

    assert identify.find("external_id", "C-1", source="house") is not None
    assert identify.find("external_id", "C-1", source="shop") is not None
    assert DataSubject.objects.count() == 2


@pytest.mark.parametrize(("url", "item"), [(PRODUCTS, BOOTS), (CUSTOMERS, ANNA)])
def test_a_call_is_a_sign_of_life_of_the_source_of_its_key(url: str, item: dict[str, Any]) -> None:
    Source.objects.create(slug="crm", name="CRM")
    secret = key("ingest", source="crm")

    put(url, [], secret=secret)
    assert Source.objects.get(slug="crm").last_event_at is None
    put(url, [item], secret=secret)

    assert Source.objects.get(slug="crm").last_event_at is not None


def test_an_unknown_source_is_refused() -> None:
    answer = put(f"{CUSTOMERS}?source=nobody", [ANNA])

    assert answer.status_code == 400
    assert "no such source" in answer.json()["title"]


def test_the_api_lifts_neither_an_objection_nor_a_suppression() -> None:
    put(CUSTOMERS, [ANNA])
    subject = DataSubject.objects.get()
    long_ago = timezone.now() - timedelta(days=30)
    ledger.object_to(subject, purpose="profiling", source="form", at=long_ago)
    suppression.suppress_subject(subject, reason="manual", source="staff", at=long_ago)
    consents = [
        {"purpose": code, "action": "granted", "at": timezone.now().isoformat()}
        for code in ("profiling", "email_marketing")
    ]

    put(CUSTOMERS, [{**ANNA, "consents": consents}])

    permission = gate.ask(subject, purpose="email_marketing", at=timezone.now())
    assert permission.reason == "suppressed"
    assert permission.granted == {"email_marketing"}


def a_sensitive_field() -> None:
    Purpose.objects.create(
        code="health", name="Health", description="Health", is_explicit=True, retention_days=30
    )
    Field.objects.create(
        kind="attributes", name="diet", label="Diet", type="text", purpose_id="health",
        is_sensitive=True,
    )  # fmt: skip


def proof(at: datetime) -> dict[str, Any]:
    return {"purpose": "health", "action": "granted", "source": "form", "at": at.isoformat()}


def test_a_sensitive_value_needs_its_explicit_consent_and_is_sealed() -> None:
    a_sensitive_field()
    given = {**ANNA, "attributes": {"diet": "kosher", "city": "Bonn"}}

    without = put(CUSTOMERS, [given])
    assert statuses(without) == ["created"]
    assert without.json()["results"][0]["errors"][0]["field"] == "diet"
    subject = DataSubject.objects.get()
    assert CustomerProfile.objects.get().personal is None

    put(CUSTOMERS, [{**given, "consents": [proof(timezone.now())]}])

    assert personal_of(subject) == {"diet": "kosher"}
    assert CustomerProfile.objects.get().attributes == {"city": "Bonn"}


def test_an_explicit_consent_without_its_place_is_refused() -> None:
    a_sensitive_field()

    answer = put(CUSTOMERS, [{**ANNA, "consents": [{**proof(timezone.now()), "source": ""}]}])

    assert statuses(answer) == ["rejected"]
    assert answer.json()["results"][0]["errors"][0]["field"] == "consents[0].source"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"null", 400),
        (b"{}", 400),
        (b'{"items": 1}', 400),
        (b'[{"price": NaN}]', 400),
        (b'["\\ud800"]', 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b"[" + b"[" * 40 + b"]" * 40 + b"]", 400),
        (gzip.compress(b"[" + b" " * 100 + b"]", mtime=0)[:-12], 400),
        (b"\x1f\x8bnonsense", 400),
        (b"[" + b"1," * 1000 + b"1]", 413),
        (b" " * 10_000_001, 413),
        (gzip.compress(b" " * 20_000_000, mtime=0), 413),
    ],
)
@pytest.mark.parametrize("url", [PRODUCTS, CUSTOMERS])
def test_a_body_that_cannot_be_read_is_answered_with_a_problem(
    url: str, body: bytes, status: int
) -> None:
    answer = put(url, body)

    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"


def test_gzip_is_read() -> None:
    assert statuses(put(PRODUCTS, gzip.compress(orjson.dumps([BOOTS])))) == ["created"]


def test_a_thousand_items_take_as_many_queries_as_two() -> None:
    secret = key("ingest")

    def queries(url: str, *rows: dict[str, Any]) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert "rejected" not in statuses(put(url, rows, secret=secret))
        return len(captured)

    def products(count: int) -> int:
        return queries(PRODUCTS, *({**BOOTS, "product_id": f"{count}-{n}"} for n in range(count)))

    def customers(count: int) -> int:
        rows = (
            {"external_id": f"{count}-{n}", "email": f"{count}-{n}@a.example"} for n in range(count)
        )
        return queries(CUSTOMERS, *rows)

    for warm_up in (products, customers):
        warm_up(1)
    assert products(2) == products(1000) <= 8
    assert customers(2) == customers(1000) <= 25


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    ["product_id", "name", "price", "stock", "currency", "url", "external_id", "email",
     "attributes", "consents"]
)  # fmt: skip


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(items=st.lists(st.dictionaries(NAMES | st.text(max_size=5), VALUES) | VALUES, max_size=4))
def test_whatever_is_sent_is_answered_and_a_good_item_in_it_is_taken(items: list[Any]) -> None:
    secret = key("ingest")
    try:
        goods = orjson.dumps([*items, {**BOOTS, "product_id": "good"}])
        people = orjson.dumps([*items, {"external_id": "good"}])
    except (orjson.JSONEncodeError, TypeError):
        return

    for url, body in ((PRODUCTS, goods), (CUSTOMERS, people)):
        answer = put(url, body, secret=secret)
        assert answer.status_code == 200
        assert statuses(answer)[-1] != "rejected"
        assert len(statuses(answer)) == len(items) + 1


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.binary(max_size=200))
def test_whatever_bytes_are_sent_are_no_server_error(body: bytes) -> None:
    for url in (PRODUCTS, CUSTOMERS):
        assert put(url, body, secret=key("ingest")).status_code in (200, 400)
