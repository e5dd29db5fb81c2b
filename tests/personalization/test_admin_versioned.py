"""Editing what decides: drafts, going live, four eyes, comparing, going back."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from consent.models import AuditEntry
from personalization import drafts
from personalization.models import RuleSet, RuleSetVersion, Segment, SegmentVersion
from personalization.rules.publish import publisher
from personalization.segments import publish as segments_publish
from tests.campaigns.factories import person
from tests.personalization.factories import (
    FRENCH,
    GERMANS,
    block,
    client_of,
    rule,
    ruleset,
    segment,
    table,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("roles")]


def url(thing: Segment | RuleSet, what: str = "change", *args: int) -> str:
    return reverse(f"admin:personalization_{thing._meta.model_name}_{what}", args=[thing.pk, *args])


def post(client: Client, thing: Segment | RuleSet, content: object, **more: str) -> Any:
    page = client.get(url(thing))
    data = {
        "name": thing.name,
        "slug": thing.slug,
        "description": "",
        "content": json.dumps(content),
        "seen": page.context["editor"].initial["seen"],
        "note": "",
        **more,
    }
    return client.post(url(thing), data)


def test_saving_a_change_makes_a_draft_and_leaves_what_is_live_alone() -> None:
    germans = segment()

    answer = post(client_of("marketer"), germans, FRENCH, note="try France", _save="1")

    draft = SegmentVersion.objects.get(of=germans, number=2)
    germans.refresh_from_db()
    assert answer.status_code == 302
    assert (draft.state, draft.content, draft.note) == ("draft", {"tree": FRENCH}, "try France")
    assert germans.live is not None
    assert germans.live.content == {"tree": GERMANS}


def test_saving_without_a_change_makes_no_draft() -> None:
    germans = segment()

    post(client_of("marketer"), germans, GERMANS, name="Renamed", _save="1")

    germans.refresh_from_db()
    assert germans.name == "Renamed"
    assert SegmentVersion.objects.count() == 1


def test_a_marketer_cannot_put_live_not_even_by_hand() -> None:
    germans = segment()
    client = client_of("marketer")

    by_button = post(client, germans, FRENCH, _live="1")
    by_address = client.post(url(germans, "live", 1))

    assert by_button.status_code == 403
    assert by_address.status_code == 403
    assert b"Put live" not in client.get(url(germans)).content
    assert SegmentVersion.objects.count() == 1


def test_an_approver_puts_a_draft_live_and_its_author_stays() -> None:
    germans = segment()
    post(client_of("marketer"), germans, FRENCH, _save="1")

    post(client_of("approver"), germans, FRENCH, _live="1")

    germans.refresh_from_db()
    live = germans.live
    assert live is not None
    assert (live.number, live.content) == (2, {"tree": FRENCH})
    assert live.author is not None
    assert live.author.get_username() == "marketer"
    assert live.approver is not None
    assert live.approver.get_username() == "approver"
    assert AuditEntry.objects.filter(action="version.live", actor=live.approver).exists()


def test_with_four_eyes_nobody_puts_their_own_work_live(settings: Settings) -> None:
    settings.ATTUNE_FOUR_EYES = True
    germans = segment()
    approver = client_of("approver")

    answer = post(approver, germans, FRENCH, _live="1")

    germans.refresh_from_db()
    page = approver.get(answer.url).content.decode()
    assert germans.live is not None
    assert germans.live.number == 1
    assert SegmentVersion.objects.get(of=germans, number=2).state == "draft"
    assert "is your own: ask another approver" in page


def test_an_analyst_reads_the_editor_and_cannot_save() -> None:
    germans = segment()
    client = client_of("analyst")

    page = client.get(url(germans))
    answer = client.post(url(germans), {"name": "Mine"})

    assert page.status_code == 200
    assert page.context["editor_config"]["readonly"] is True
    assert b"Save draft" not in page.content
    assert answer.status_code == 403


def test_a_fault_in_a_condition_is_shown_with_its_path_and_nothing_is_saved() -> None:
    germans = segment()

    answer = post(
        client_of("marketer"),
        germans,
        {"all": [{"field": "attributes.countri", "op": "eq", "value": "DE"}]},
        name="Renamed",
        _save="1",
    )

    germans.refresh_from_db()
    problems = answer.context["editor_config"]["problems"]
    assert answer.status_code == 200
    assert [problem["path"] for problem in problems] == ["tree.all[0]"]
    assert "did you mean “attributes.country”" in problems[0]["message"]
    assert germans.name == "Segment germans"
    assert SegmentVersion.objects.count() == 1


@pytest.mark.parametrize("content", [[], "text", 7, None, {"rules": 3}, {"tree": {}}])
def test_json_of_another_form_is_refused_on_the_page(content: object) -> None:
    block()
    rules = ruleset()

    answer = post(client_of("marketer"), rules, content, _save="1")

    assert answer.status_code == 200
    assert answer.context["editor"].errors["content"]
    assert RuleSetVersion.objects.count() == 1


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"not":' * 100_000 + "1" + "}" * 100_000,
        '{"field": "traits.order_count", "op": "gte", "value": %s}' % ("9" * 5000),
        '{"field": "traits.order_count", "op": "gte", "value": NaN}',
        '{"field": "attributes.country", "op": "eq", "value": "a\\u0000b"}',
        '{"field": "attributes.country", "op": "eq", "value": "\\ud800"}',
    ],
    ids=["unfinished", "deep", "long number", "no number", "NUL", "half a character"],
)
def test_text_that_no_parser_or_database_takes_is_refused_on_the_page(text: str) -> None:
    germans = segment()
    client = client_of("marketer")
    page = client.get(url(germans))
    data = {
        "name": germans.name, "slug": germans.slug, "description": "", "content": text,
        "seen": page.context["editor"].initial["seen"], "_save": "1",
    }  # fmt: skip

    answer = client.post(url(germans), data)

    assert answer.status_code == 200
    assert answer.context["editor"].errors["content"]
    assert SegmentVersion.objects.count() == 1


def test_a_segment_that_would_contain_itself_is_refused() -> None:
    germans = segment()
    outer = segment("outer", tree={"segment": "germans"})

    answer = post(client_of("marketer"), germans, {"segment": outer.slug}, _save="1")

    assert "would contain itself" in str(answer.context["editor"].errors["content"])


def test_a_rule_that_names_a_missing_variant_is_marked() -> None:
    block()
    rules = ruleset()
    wrong = rule("second", place=2)
    wrong["outcome"] = {"block": "hero", "variant": "gone"}

    answer = post(client_of("marketer"), rules, table(rule(), wrong), _save="1")

    problems = answer.context["editor_config"]["problems"]
    assert [problem["path"] for problem in problems] == ["rules[1].outcome.variant"]


def test_a_ruleset_without_fallback_cannot_be_saved() -> None:
    block()
    rules = ruleset()

    answer = post(client_of("marketer"), rules, {"hit_policy": "first", "rules": []}, _save="1")

    assert "the fallback outcome is missing" in str(answer.context["editor"].errors["content"])


def test_a_draft_somebody_else_saved_meanwhile_is_not_overwritten() -> None:
    germans = segment()
    marketer = client_of("marketer")
    stale = marketer.get(url(germans)).context["editor"].initial["seen"]
    post(client_of("approver"), germans, FRENCH, _save="1")

    answer = post(marketer, germans, {"all": [FRENCH, GERMANS]}, seen=stale, _save="1")

    assert drafts.MOVED in str(answer.context["editor"].non_field_errors())
    assert SegmentVersion.objects.get(of=germans, number=2).content == {"tree": FRENCH}


def test_an_earlier_version_can_be_made_live_again() -> None:
    germans = segment()
    approver = client_of("approver")
    post(approver, germans, FRENCH, _live="1")

    answer = approver.post(url(germans, "live", 1))

    germans.refresh_from_db()
    assert answer.status_code == 302
    assert germans.live is not None
    assert germans.live.number == 1
    assert SegmentVersion.objects.get(of=germans, number=2).state == "retired"


def test_going_back_takes_a_post() -> None:
    germans = segment()

    answer = client_of("approver").get(url(germans, "live", 1))

    assert answer.status_code == 405


def test_versions_are_compared_in_words() -> None:
    block()
    rules = ruleset()
    changed = table(rule("new", condition=FRENCH), rule(place=2))
    publisher.save_draft(rules, content=changed)

    page = client_of("analyst").get(url(rules, "compare")).content.decode()

    assert "Rule “New”" in page
    assert "Customers whose country is “FR”." in page
    assert "Block hero, “Vip”" in page
    assert "Rule “Germans” › place" in page
    assert "<del>1</del>" in page
    assert f"{url(rules, 'simulate')}?before=1&amp;after=2" in page


def test_comparing_segments_says_who_would_enter_and_leave() -> None:
    for number, country in enumerate(("DE", "DE", "FR")):
        person(number, country=country)
    germans = segment()
    segments_publish.publisher.save_draft(germans, content={"tree": FRENCH})

    analyst = client_of("analyst")
    page = analyst.get(url(germans, "compare")).content.decode()
    same = analyst.get(url(germans, "compare"), {"before": 1, "after": 1})

    assert "<strong>1</strong> would enter and <strong>2</strong> would leave." in page
    assert "would enter" not in same.content.decode()


def test_nothing_that_decided_can_be_deleted() -> None:
    germans = segment()

    answer = client_of("admin").post(url(germans, "delete"), {"post": "yes"})

    assert answer.status_code == 403
    assert Segment.objects.filter(pk=germans.pk).exists()


def test_a_new_segment_starts_as_a_draft() -> None:
    client = client_of("marketer")
    data = {"name": "New", "slug": "new", "description": "", "content": json.dumps(GERMANS)}

    page = client.get(reverse("admin:personalization_segment_add"))
    data["seen"] = page.context["editor"].initial["seen"]
    answer = client.post(reverse("admin:personalization_segment_add"), {**data, "_save": "1"})

    made = Segment.objects.get(slug="new")
    assert answer.status_code == 302
    assert made.live is None
    assert SegmentVersion.objects.get(of=made).state == "draft"
