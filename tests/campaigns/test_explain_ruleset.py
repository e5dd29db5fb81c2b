"""The command that says how a ruleset decides for one person."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from consent.models import AuditEntry
from personalization.models import OfferGrant, RuleSet
from personalization.rules.publish import publisher
from tests.campaigns.factories import NOON, person
from tests.personalization.factories import GERMANS, block, rule, ruleset, segment, table
from tests.personalization.offer_support import offer

pytestmark = pytest.mark.django_db
ANNA = "anna1@example.com"


def run(*args: str) -> str:
    out = StringIO()
    call_command("explain", *args, stdout=out)
    return out.getvalue()


def with_an_offer() -> RuleSet:
    """Germans get an offer while it lasts, then the rule below."""
    block()
    made = ruleset()
    first = rule("gift")
    first["outcome"] = first["outcome"] | {"offer": "spring"}
    publisher.publish(made, content=table(first, rule("plain", place=2)), now=NOON)
    return made


def test_each_rule_says_how_it_came_out_and_values_are_masked_unless_asked_for() -> None:
    person(1)
    offer("spring")
    with_an_offer()

    told = run(ANNA, "--ruleset", "hero-rules")

    assert told.startswith("“hero-rules”, version 2, shows hero, variant vip, offer: spring.")
    assert told.index("yes  Gift: decided") < told.index("yes  Plain: true, but another rule")
    assert "seen: D***" in told
    assert "seen: DE" not in told
    assert not AuditEntry.objects.filter(action="personal_data.view").exists()
    assert "seen: DE" in run(ANNA, "--ruleset", "hero-rules", "--values")
    assert AuditEntry.objects.filter(action="personal_data.view").count() == 1


def test_a_rule_whose_offer_cannot_be_given_gives_way_and_nothing_is_taken() -> None:
    person(1)
    offer("spring", is_active=False)
    with_an_offer()

    found: dict[str, Any] = json.loads(run(ANNA, "--ruleset", "hero-rules", "--json"))
    told = run(ANNA, "--ruleset", "hero-rules")

    gift, plain = found["rules"]
    assert (gift["is_hit"], gift["is_chosen"], gift["withheld"]) == (True, False, "not_valid")
    assert (plain["is_chosen"], found["is_fallback"]) == (True, False)
    assert found["shown"] == "hero, variant vip"
    assert "Gift: true, but its offer could not be given (spring: it is switched off" in told
    assert not OfferGrant.objects.exists()


def test_the_fallback_shows_where_no_rule_holds() -> None:
    person(1, country="FR")
    block()
    ruleset()
    assert "variant general (fallback)." in run(ANNA, "--ruleset", "hero-rules")


def test_what_cannot_be_answered_is_an_error_that_says_why() -> None:
    person(1)
    segment("germans", tree=GERMANS)
    RuleSet.objects.create(slug="draft", name="Draft")

    for args, words in (
        (("nobody@example.org", "--ruleset", "draft"), "Nobody has this address"),
        ((ANNA, "--ruleset", "none"), "no ruleset “none”"),
        ((ANNA, "--ruleset", "draft"), "no live version"),
        ((ANNA, "--send", "1", "--values"), "goes with --segment and --ruleset"),
    ):
        with pytest.raises(CommandError, match=words):
            run(*args)
