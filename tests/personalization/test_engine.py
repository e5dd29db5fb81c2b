"""The engine: by rule, under the person's own permission, never an empty slot."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consent import gate, ledger
from consent.models import DataSubject
from consent.permission import Permission
from personalization import engine, receipts
from personalization.content import blocks
from personalization.engine import Content, Plan, SlotUnfilled, WrongPermission
from personalization.models import ContentBlock, CustomerProfile, Field, Receipt, RuleSet, Segment
from personalization.profiles import load
from personalization.profiles.loaded import LoadedProfile
from personalization.replay import Outcome, replay
from personalization.rules import publish as rules
from personalization.slots import marks
from tests.campaigns.factories import order, people, person, ruleset
from tests.consent.people import NOON
from tests.personalization.factories import FRENCH, segment
from tests.personalization.shop import products, stocked

pytestmark = pytest.mark.django_db

FANS = {"field": "traits.order_count", "op": "gte", "value": 2}
WHO = "{{ customer.first_name | default: 'you' }}"
PICKS = "{% for p in recommendations %}{{ p.name }}: {{ p.reason }}. {% endfor %}"


def fans_only() -> RuleSet:
    """Who ordered twice sees `fan`, with what goes with their orders; others see `plain`."""
    block = ContentBlock.objects.create(slug="picks", name="Picks")
    variants = [
        {"key": key, "name": key, "html": f"<b>{key} {WHO}</b> {PICKS}", "text": f"{key} {PICKS}"}
        for key in ("fan", "plain")
    ]
    blocks.publisher.publish(block, content={"variants": variants, "fallback": "plain"}, now=NOON)
    made = RuleSet.objects.create(slug="fans", name="Fans")
    rule = {
        "key": "fans", "name": "Ordered twice", "priority": 1, "condition": FANS,
        "outcome": {"block": "picks", "variant": "fan", "strategy": "because_you_bought"},
    }  # fmt: skip
    content = {
        "hit_policy": "first", "rules": [rule],
        "fallback": {"block": "picks", "variant": "plain", "strategy": "popular"},
    }  # fmt: skip
    rules.publisher.publish(made, content=content, now=NOON)
    return RuleSet.objects.get(pk=made.pk)


def permissions_of(*subjects: DataSubject) -> dict[int, Permission]:
    return gate.permissions([each.pk for each in subjects], purpose="email_marketing", at=NOON)


def profiles_of(plan: Plan, permissions: dict[int, Permission]) -> list[LoadedProfile]:
    return load.profiles(permissions, needs=plan.needs, catalogue=plan.catalogue, now=NOON)


def decided(
    *subjects: DataSubject, ruleset: RuleSet, plan: Plan | None = None, count: int = 0
) -> dict[int, Content]:
    plan = plan or engine.prepare({"hero": ruleset}, recommendation_count=count, now=NOON)
    permissions = permissions_of(*subjects)
    profiles = profiles_of(plan, permissions)
    return engine.personalize(profiles, plan=plan, permissions=permissions, now=NOON)


def entry_of(subject: DataSubject, content: Content, *, plan: Plan) -> receipts.Entry:
    return receipts.Entry(
        message_key=str(uuid4()),
        profile=profiles_of(plan, permissions_of(subject))[0],
        decision=content.decision,
        parts=content.cards,
        reasons=content.reasons,
        output=marks(content.blocks),
    )


def fan(number: int = 1, **given: Any) -> DataSubject:
    subject = person(number, **given)
    CustomerProfile.objects.filter(pk=subject.pk).update(traits={"order_count": 2})
    return subject


def test_a_rule_decides_and_the_receipt_says_which() -> None:
    anna, ben = person(1), person(2, first_name="Ben", country="FR")

    contents = decided(anna, ben, ruleset=ruleset())

    assert contents[anna.pk].blocks["hero"].html == "<p>Made in Germany</p>"
    assert contents[ben.pk].blocks["hero"].text == "The season"
    slot = contents[anna.pk].decision["slots"]["hero"]
    assert slot == {
        "ruleset": "hero", "version": 1, "rule": "german", "rule_name": "Lives in Germany",
        "is_fallback": False, "probability": 1.0, "considered": [["german", True]],
        "block": "hero", "block_version": 1, "variant": "german",
    }  # fmt: skip
    fallback = contents[ben.pk].decision["slots"]["hero"]
    assert (fallback["is_fallback"], fallback["variant"]) == (True, "general")
    assert fallback["considered"] == [["german", False]]


def test_who_refused_profiling_gets_the_fallback_and_what_is_popular_with_all() -> None:
    items = products("Tea", "Soap", "Milk", "Honey")
    plan = engine.prepare({"hero": fans_only()}, recommendation_count=2, now=NOON)
    plan = replace(plan, shelf=stocked(items, {2: {3: 0.9}}))
    anna, ben = fan(1), fan(2, granted=("email_marketing",))
    for subject in (anna, ben):
        order(subject, items[2], at=NOON - timedelta(days=30))

    contents = decided(anna, ben, ruleset=RuleSet.objects.get(), plan=plan)

    assert contents[anna.pk].blocks["hero"].text.startswith("fan Honey: Because you bought Milk.")
    assert contents[ben.pk].blocks["hero"].text == (
        "plain Tea: Popular with our customers. Soap: Popular with our customers. "
    )
    told = str(contents[ben.pk].decision)
    assert "'may_profile': False" in told
    assert contents[ben.pk].context["traits"] == {}
    assert {each["because_of"] for each in contents[ben.pk].decision["recommendations"]} == {None}
    assert contents[anna.pk].decision["model"] == 7


def test_taking_profiling_back_turns_the_next_decision() -> None:
    anna, by = fan(), fans_only()
    assert decided(anna, ruleset=by)[anna.pk].decision["slots"]["hero"]["variant"] == "fan"

    ledger.withdraw(anna, purpose="profiling", source="test", at=NOON)

    assert decided(anna, ruleset=by)[anna.pk].decision["slots"]["hero"]["variant"] == "plain"


def test_a_profile_is_refused_without_its_own_permission() -> None:
    anna, ben = person(1), person(2)
    plan = engine.prepare({"hero": ruleset()}, recommendation_count=0, now=NOON)
    permissions = permissions_of(anna, ben)
    (profile,) = profiles_of(plan, {anna.pk: permissions[anna.pk]})
    (mistaken,) = profiles_of(plan, {anna.pk: permissions[ben.pk]})
    more = replace(permissions[anna.pk], granted=frozenset({"everything"}))

    for given, profiles in (
        ({}, [profile]),
        ({anna.pk: permissions[ben.pk]}, [profile]),
        ({anna.pk: permissions[ben.pk]}, [mistaken]),
        ({anna.pk: more}, [profile]),
    ):
        with pytest.raises(WrongPermission, match=f"subject {anna.pk}"):
            engine.personalize(profiles, plan=plan, permissions=given, now=NOON)


def test_a_slot_that_cannot_be_filled_is_found_before_anybody_is_decided_for() -> None:
    empty = RuleSet.objects.create(slug="empty", name="Empty")
    with pytest.raises(SlotUnfilled, match="“Empty” has no live version"):
        engine.prepare({"hero": empty}, recommendation_count=0, now=NOON)

    full = ruleset()
    ContentBlock.objects.update(live=None)
    with pytest.raises(SlotUnfilled, match="content block “hero” has no live version"):
        engine.prepare({"hero": full}, recommendation_count=0, now=NOON)


def test_a_variant_that_a_newer_block_lost_becomes_its_fallback() -> None:
    by, anna = ruleset(), person()
    content = {
        "variants": [{"key": "new", "name": "New", "html": "<i>New</i>", "text": "New"}],
        "fallback": "new",
    }
    blocks.publisher.publish(ContentBlock.objects.get(), content=content, now=NOON)

    found = decided(anna, ruleset=by)[anna.pk]

    assert found.blocks["hero"].text == "New"
    assert found.decision["slots"]["hero"]["variant"] == "new"


@pytest.mark.parametrize("name", ["{{7*7}}", "<script>alert(1)</script>", "{% for %}", "A" * 300])
def test_a_strange_name_is_only_ever_text(name: str) -> None:
    anna = fan(first_name=name) if len(name) < 60 else fan()
    by = fans_only()
    plan = engine.prepare({"hero": by}, recommendation_count=0, now=NOON)
    permissions = permissions_of(anna)
    (profile,) = profiles_of(plan, permissions)
    profile = replace(profile, personal={"first_name": name})

    found = engine.personalize([profile], plan=plan, permissions=permissions, now=NOON)[anna.pk]

    html = str(found.blocks["hero"].html)
    assert "<script>" not in html
    assert "49" not in html
    assert name.replace("<", "&lt;").replace(">", "&gt;") in html


def test_without_a_name_the_template_says_what_it_has() -> None:
    anna, by = fan(), fans_only()
    CustomerProfile.objects.update(personal=None)

    assert "<b>fan you</b>" in decided(anna, ruleset=by)[anna.pk].blocks["hero"].html


def test_the_same_inputs_give_the_same_bytes() -> None:
    anna, by = fan(), fans_only()

    assert decided(anna, ruleset=by) == decided(anna, ruleset=by)


def test_deciding_asks_the_database_once_for_any_number_of_people() -> None:
    plan = engine.prepare({"hero": fans_only()}, recommendation_count=2, now=NOON)
    plan = replace(plan, shelf=stocked(products("Tea", "Soap")))
    permissions = permissions_of(*people(9))
    profiles = profiles_of(plan, permissions)

    with CaptureQueriesContext(connection) as captured:
        contents = engine.personalize(profiles, plan=plan, permissions=permissions, now=NOON)

    assert (len(contents), len(captured)) == (9, 1)


def _slot_by(slug: str, strategy: str) -> RuleSet:
    """A ruleset that shows everybody the products of one strategy."""
    block, _ = ContentBlock.objects.get_or_create(slug="list", defaults={"name": "List"})
    variants = [
        {"key": key, "name": key, "html": shown, "text": shown}
        for key, shown in (("a", PICKS), ("b", "Nothing today"))
    ]
    if block.live is None:
        blocks.publisher.publish(block, content={"variants": variants, "fallback": "b"}, now=NOON)
    made = RuleSet.objects.create(slug=slug, name=slug)
    shown = {"block": "list", "variant": "a", "strategy": strategy}
    rules.publisher.publish(
        made, content={"hit_policy": "first", "rules": [], "fallback": shown}, now=NOON
    )
    return RuleSet.objects.get(pk=made.pk)


def test_a_slot_that_wants_other_products_has_a_list_of_its_own() -> None:
    items = products("Tea", "Soap", "Milk", "Honey")
    rulesets = {
        "hero": _slot_by("goes-with", "because_you_bought"),
        "again": _slot_by("again", "buy_again"),
        "same": _slot_by("same", "because_you_bought"),
    }
    plan = engine.prepare(rulesets, recommendation_count=1, now=NOON)
    plan = replace(plan, shelf=stocked(items, {2: {3: 0.9}}))
    anna = person(1)
    order(anna, items[2], at=NOON - timedelta(days=30))

    with CaptureQueriesContext(connection) as captured:
        found = decided(anna, ruleset=rulesets["hero"], plan=plan)[anna.pk]

    assert found.blocks["hero"].text == "Honey: Because you bought Milk. "
    assert found.blocks["again"].text.startswith("Milk: ")
    assert found.blocks["same"].text == found.blocks["hero"].text
    assert list(found.decision["own"]) == ["again"]
    assert len(found.cards) == len(found.reasons) == 2
    assert len(captured) < 20
    receipts.record([entry_of(anna, found, plan=plan)], now=NOON)
    again = replay(Receipt.objects.select_related("subject").get())
    assert (again.outcome, again.differences) == (Outcome.EQUAL, ())


def break_it() -> None:
    Segment.objects.update(broken_since=NOON, faults=[{"path": "", "message": "no field"}])


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (break_it, "the segment “Segment french” is broken (no field)"),
        (lambda: Segment.objects.update(is_archived=True), "the segment “Segment french” is arch"),
        (lambda: Segment.objects.update(live=None), "the segment “Segment french” has no live"),
        (lambda: Segment.objects.update(slug="english"), "there is no segment “french”"),
    ],
)
def test_a_rule_by_a_segment_nobody_may_use_holds_for_nobody(
    spoil: Callable[[], object], reason: str
) -> None:
    anna, by, _ = person(1), fans_only(), segment("french", tree=FRENCH)
    assert by.live is not None
    not_french = {**by.live.content["rules"][0], "condition": {"not": {"segment": "french"}}}
    rules.publisher.publish(by, content={**by.live.content, "rules": [not_french]}, now=NOON)
    by = RuleSet.objects.get(pk=by.pk)
    sound = decided(anna, ruleset=by)[anna.pk].decision["slots"]["hero"]
    assert (sound["rule"], "left_out" in sound) == ("fans", False)

    spoil()

    plan = engine.prepare({"hero": by}, recommendation_count=0, now=NOON)
    content = decided(anna, ruleset=by, plan=plan)[anna.pk]
    told = content.decision["slots"]["hero"]
    assert (told["is_fallback"], told["considered"], told["left_out"]) == (True, [], ["fans"])
    assert plan.slots[0].left_out["fans"].startswith(reason)
    receipts.record([entry_of(anna, content, plan=plan)], now=NOON)
    again = replay(Receipt.objects.select_related("subject").get())
    assert again.outcome == Outcome.EQUAL, again.differences


def test_a_rule_by_a_field_that_left_the_catalogue_holds_for_nobody() -> None:
    anna, by = person(1), fans_only()
    assert by.live is not None
    no_fan = {**by.live.content["rules"][0], "condition": {"not": FANS}}
    rules.publisher.publish(by, content={**by.live.content, "rules": [no_fan]}, now=NOON)
    by = RuleSet.objects.get(pk=by.pk)
    assert decided(anna, ruleset=by)[anna.pk].decision["slots"]["hero"]["rule"] == "fans"

    Field.objects.filter(name="order_count").update(is_sensitive=True)

    plan = engine.prepare({"hero": by}, recommendation_count=0, now=NOON)
    told = decided(anna, ruleset=by, plan=plan)[anna.pk].decision["slots"]["hero"]
    assert (told["is_fallback"], told["left_out"]) == (True, ["fans"])
    assert "there is no field “traits.order_count”" in plan.slots[0].left_out["fans"]
