"""No slot is empty: what comes out blank gives way to the fallback, and the receipt says so."""

from typing import Any

import pytest
from django.utils import timezone

from campaigns.models import Campaign, Send
from campaigns.sending import story
from campaigns.sending.replay import replay_mail
from personalization.content import blocks
from personalization.content.visible import shows_something
from personalization.models import ContentBlock, Product, Receipt, RuleSet
from personalization.recommendations import shelf
from personalization.replay import Outcome, replay
from personalization.rules import publish as rules
from personalization.serving import ready
from personalization.versions import ContentInvalid
from tests.campaigns import factories as make
from tests.personalization.decision_support import get, key, people, slot

LIST = "<ul>{% for p in recommendations %}<li>{{ p.name }}</li>{% endfor %}</ul>"
NAMES = "{% for p in recommendations %}{{ p.name }} {% endfor %}"
GERMANS = {"field": "attributes.country", "op": "eq", "value": "DE"}
PICKS, WORDS = {"block": "hero", "variant": "picks"}, {"block": "hero", "variant": "words"}


def variant(key: str, html: str, text: str) -> dict[str, Any]:
    return {"key": key, "name": key.title(), "html": html, "text": text}


def a_block(*more: dict[str, Any]) -> None:
    shelf.forget()
    shown = [variant("picks", LIST, NAMES), variant("words", "<p>The season</p>", "The season")]
    blocks.publisher.publish(
        ContentBlock.objects.create(slug="hero", name="Hero"),
        content={"variants": [*shown, *more], "fallback": "words"},
        now=make.NOON,
    )


def a_ruleset(*outcomes: dict[str, str], hit_policy: str = "first", last: Any = None) -> RuleSet:
    """Germans see the outcomes of rules, everybody else the last."""
    table = [
        {"key": f"r{place}", "name": f"R{place}", "priority": place, "condition": GERMANS,
         "outcome": outcome}
        for place, outcome in enumerate(outcomes, start=1)
    ]  # fmt: skip
    made = RuleSet.objects.create(slug="hero", name="Who sees which hero")
    content = {"hit_policy": hit_policy, "rules": table, "fallback": last or WORDS}
    rules.publisher.publish(made, content=content, now=make.NOON)
    return RuleSet.objects.get(pk=made.pk)


def a_shop(*, in_stock: bool) -> None:
    if not Product.objects.exists():
        make.product(1, name="Tea")
    Product.objects.update(in_stock=in_stock)
    shelf.forget()
    ready.forget()


def codes(answer: Any) -> list[tuple[str, str | None]]:
    return [(each["kind"], each.get("code")) for each in answer.json()["reasons"]]


@pytest.mark.parametrize(
    ("html", "text", "is_seen"),
    [
        ("<p>Made</p>", "Made", True), ("word", "word", True), ("<p>&lt;b&gt;</p>", "<b>", True),
        ("<p>&nbsp;<b>x</b></p>", "x", True), ('<a><img src="x"></a>', "x", True),
        ("<ul>\n</ul>", "x", False), ("<p>&nbsp;&#160;\u00a0</p>", "x", False), ("", "x", False),
        ("<!-- list --><table><tr><td></td></tr></table>", "x", False), ("<p>x</p>", " \n", False),
    ],
)  # fmt: skip
def test_a_letter_or_a_picture_is_seen_and_tags_are_not(
    html: str, text: str, is_seen: bool
) -> None:
    assert shows_something(html, text) is is_seen


@pytest.mark.django_db
@pytest.mark.usefixtures("served_afresh")
@pytest.mark.parametrize("missing", ["empty_catalogue", "sold_out"])
def test_a_list_without_products_gives_way_to_the_fallback(missing: str) -> None:
    people()
    a_block()
    if missing == "sold_out":
        a_shop(in_stock=False)
    slot(ruleset=a_ruleset(PICKS), recommendation_count=4)
    secret = key()

    answer = get(secret=secret, external_id="C1", message="m")

    body = answer.json()
    assert (answer.status_code, body["html"], body["text"]) == (
        200, "<p>The season</p>", "The season",
    )  # fmt: skip
    assert (body["fallback"], body["variant"]) == (True, "words")
    assert codes(answer) == [("fallback", "nothing_to_show"), ("empty", missing)]
    receipt = Receipt.objects.select_related("subject").get()
    assert [each["rule"] for each in receipt.decision["slots"]["hero"]["blank"]] == ["r1"]
    a_shop(in_stock=True)
    assert replay(receipt).outcome is Outcome.EQUAL
    assert get(secret=secret, external_id="C1", message="m").content == answer.content
    assert get(secret=secret, external_id="C1", message="other").json()["text"] == "Tea "


@pytest.mark.django_db
@pytest.mark.usefixtures("served_afresh")
def test_before_the_first_training_products_come_from_the_catalogue_and_say_so() -> None:
    people()
    a_block()
    a_shop(in_stock=True)
    slot(ruleset=a_ruleset(PICKS), recommendation_count=4)

    answer = get(external_id="C1")

    assert (answer.json()["text"], answer.json()["fallback"]) == ("Tea ", False)
    assert [kind for kind, _ in codes(answer)] == ["rule", "recommendation", "fallback"]
    assert codes(answer)[-1] == ("fallback", "no_model")


@pytest.mark.django_db
@pytest.mark.usefixtures("served_afresh")
def test_whom_nobody_knows_hears_of_missing_products_too() -> None:
    a_block()
    slot(ruleset=a_ruleset(PICKS), recommendation_count=4)

    answer = get(external_id="nobody")

    assert codes(answer) == [("fallback", "unknown_person"), ("empty", "empty_catalogue")]


@pytest.mark.django_db
@pytest.mark.usefixtures("served_afresh")
def test_a_fallback_of_the_rules_that_is_blank_gives_way_to_the_one_of_the_block() -> None:
    people()
    a_block()
    slot(ruleset=a_ruleset(PICKS, last=PICKS), recommendation_count=4)
    secret = key()

    answers = [get(secret=secret, external_id=who, message="m") for who in ("C1", "C2", "nobody")]

    assert [answer.json()["text"] for answer in answers] == ["The season"] * 3
    found = Receipt.objects.select_related("subject")
    assert [replay(each).outcome for each in found] == [Outcome.EQUAL] * 2


@pytest.mark.django_db
@pytest.mark.usefixtures("served_afresh")
def test_of_all_that_fit_one_that_shows_something_is_enough() -> None:
    people()
    a_block(variant("more", "<p>More</p>", "More"))
    more = {"block": "hero", "variant": "more"}
    slot(ruleset=a_ruleset(PICKS, more, hit_policy="collect"), recommendation_count=4)

    body = get(external_id="C1").json()

    assert (body["text"].strip(), body["fallback"]) == ("More", False)


@pytest.mark.django_db
def test_a_mail_shows_the_fallback_and_its_page_says_why() -> None:
    a_block()
    a_ruleset(PICKS)
    campaign = make.campaign()
    Campaign.objects.update(recommendation_count=4)
    campaign.refresh_from_db()
    make.person()
    backend = make.MemoryBackend()
    make.launched(campaign, backend=backend)

    receipt = Receipt.objects.select_related("subject").get()
    told = story.tell(Send.objects.select_related("campaign").get()).because

    assert b"The season" in backend.outbox[0].content
    assert told is not None
    assert (told.slots[0].is_fallback, told.slots[0].is_blank) == (True, True)
    assert told.slots[0].rules[0].withheld.startswith("its content came out blank")
    assert told.missing == "the catalogue is empty"
    a_shop(in_stock=True)
    assert replay_mail(receipt).outcome is Outcome.EQUAL


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (variant("words", LIST, "The season"), "the fallback is blank where nobody is known"),
        (variant("words", "<p>The season</p>", "{{ customer.first_name }}"), "the fallback is bl"),
        (
            {
                **variant("words", "<p>The season</p>", "The season"),
                "languages": [{"language": "de", "html": LIST, "text": "Die Saison"}],
            },
            "the fallback is blank in German",
        ),
    ],
)
def test_a_block_whose_fallback_can_be_blank_is_refused(changed: Any, says: str) -> None:
    made = ContentBlock.objects.create(slug="hero", name="Hero")
    content = {
        "language": "en", "fallback": "words",
        "variants": [variant("picks", LIST, NAMES), changed],
    }  # fmt: skip

    with pytest.raises(ContentInvalid, match=says) as found:
        blocks.publisher.publish(made, content=content, now=timezone.now())

    assert found.value.problems[0].path == "variants[1]"
