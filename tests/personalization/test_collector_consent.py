"""Consent that travels in events: categories, TCF strings, Global Privacy Control; networks."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalization.ingest import consent_carried, networks
from personalization.ingest.consent_carried import said, tcf_purposes
from personalization.ingest.dialects import context

# Written by @iabtcf/core 1.5.6 for these purposes.
STRINGS: dict[frozenset[int], str] = {
    frozenset(): "CQuIxQAQuIxQAAfACBENAwFAAAAAAAAAAAAAAAAAAAAA.IAAA",
    frozenset((5, 6)): "CQuIxQAQuIxQAAfACBENAwFAAAwAAAAAAAAAAAAAAAAA.IAAA",
    frozenset((5,)): "CQuIxQAQuIxQAAfACBENAwFAAAgAAAAAAAAAAAAAAAAA.IAAA",
    frozenset(range(1, 11)): "CQuIxQAQuIxQAAfACBENAwFAAP_AAAAAAAAAAAAAAAAA.IAAA",
    frozenset((1, 6, 10, 11)): "CQuIxQAQuIxQAAfACBENAwFAAIRgAAAAAAAAAAAAAAAA.IAAA",
    frozenset((24,)): "CQuIxQAQuIxQAAfACBENAwFAAAAAAQAAAAAAAAAAAAAA.IAAA",
}
ALL, NONE = STRINGS[frozenset(range(1, 11))], STRINGS[frozenset()]


def answers(consent: object = None, **given: Any) -> dict[str, bool]:
    carried = given.pop("carried", {})
    found = said({"consent": consent, **carried}, **given)
    return {each.purpose: each.is_granted for each in found}


@pytest.mark.parametrize("purposes", STRINGS, ids=str)
def test_a_tcf_string_is_read_as_its_writer_meant_it(purposes: frozenset[int]) -> None:
    assert tcf_purposes(STRINGS[purposes]) == purposes
    assert tcf_purposes(STRINGS[purposes].partition(".")[0]) == purposes


@given(st.text(max_size=60) | st.from_regex(r"[BCD][A-Za-z0-9_-]{0,80}(\.[A-Za-z]{0,9})?"))
def test_any_text_is_a_tcf_string_or_none(text: str) -> None:
    found = tcf_purposes(text)

    assert found is None or found <= set(range(1, 25))


@pytest.mark.parametrize("text", ["", "C" * 500_000, ALL[:20], "B" + ALL[1:], "é" * 40, ALL[:-30]])
def test_what_is_cut_off_or_of_another_version_says_nothing(text: str) -> None:
    assert tcf_purposes(text) is None
    assert answers({"tcf": text}) == {}


def test_a_tcf_string_speaks_for_profiles_and_never_for_the_tracking_of_mails() -> None:
    assert answers({"tcf": ALL}) == {"profiling": True}
    assert answers({"tcf": NONE}) == {"profiling": False}
    assert answers({"tcf": STRINGS[frozenset((5,))]}) == {"profiling": False}
    assert answers(carried={"tcf": ALL}) == {"profiling": True}


def test_a_category_is_a_purpose_by_its_code() -> None:
    chosen = {"profiling": True, "email_tracking": False, "Advertising!": True, "x": "yes"}

    assert answers({"categoryPreferences": chosen}) == {"profiling": True, "email_tracking": False}


def test_a_source_may_say_what_its_banners_categories_stand_for() -> None:
    categories = {"C0002": ["profiling", "email_tracking"]}

    found = answers({"categoryPreferences": {"C0002": False}}, categories=categories)

    assert found == {"profiling": False, "email_tracking": False}


def test_a_refusal_outranks_a_grant_and_the_privacy_signal_all() -> None:
    assert answers({"categoryPreferences": {"profiling": True}, "tcf": NONE}) == {
        "profiling": False
    }
    assert answers({"categoryPreferences": {"profiling": False}, "tcf": ALL}) == {
        "profiling": False
    }
    refused = {"profiling": False, "email_tracking": False}
    assert answers({"categoryPreferences": {"profiling": True}}, gpc=True) == refused
    assert answers(carried={"gpc": True}) == refused
    assert answers(carried={"gpc": "1"}) == {}


@given(st.recursive(st.none() | st.booleans() | st.text() | st.integers(),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(), x, max_size=3)))  # fmt: skip
def test_any_consent_is_answered(consent: Any) -> None:
    found = said({"consent": consent, "tcf": consent, "gpc": consent})

    assert all(type(each.is_granted) is bool for each in found)
    assert len(found) <= consent_carried.MOST_CATEGORIES + 2


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:aaaa:bbbb::1", "2001:db8:aaaa::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("[2001:db8:aaaa::1]", "2001:db8:aaaa::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("203.0.113", ""),
        ("203.0.113.77:8080", ""),
        ("", ""),
        (None, ""),
        (3405803853, ""),
        ("9" * 5000, ""),
    ],
)
def test_an_address_is_cut_to_its_network(address: object, network: str) -> None:
    assert networks.cut(address) == network


@pytest.mark.parametrize(("proxies", "seen"), [(0, "9.9.9.9"), (1, "3.3.3.3"), (2, "2.2.2.2"),
                                               (4, "9.9.9.9")])  # fmt: skip
def test_only_our_own_proxies_are_believed(proxies: int, seen: str) -> None:
    forwarded = "1.1.1.1, 2.2.2.2,3.3.3.3"

    assert networks.client("9.9.9.9", forwarded=forwarded, proxies=proxies) == seen


def test_a_context_keeps_what_helps_and_names_nobody() -> None:
    given = {
        "ip": "203.0.113.77",
        "page": {
            "url": "https://anna:secret@shop.example:8443/u/anna@example.com/x?mail=a@b.de#c",
            "path": "/boots?token=1",
            "title": "Boots for anna@example.com",
            "referrer": "https://search.example/find?q=anna",
            "search": "?mail=a@b.de",
        },
        "campaign": {"source": "mail", "gclid": "person-1"},
        "userAgent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Version/18.0 Mobile Safari/604.1",
        "device": {"id": "person-2", "advertisingId": "person-3"},
        "location": {"latitude": 52.1},
        "library": {"name": "@segment/analytics-node", "version": "3.1.0"},
        "locale": "de-DE",
        "timezone": "Europe/Berlin",
    }

    assert context.reduced(given) == {
        "page": {
            "url": "https://shop.example/u/[removed]/x",
            "path": "/boots",
            "title": "Boots for [removed]",
            "referrer": "search.example",
        },
        "campaign": {"source": "mail"},
        "library": {"name": "@segment/analytics-node", "version": "3.1.0"},
        "locale": "de-DE",
        "timezone": "Europe/Berlin",
        "browser": "Safari, phone",
        "network": "203.0.113.0/24",
    }


@pytest.mark.parametrize(
    ("agent", "family"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/142.0 Safari/537.36", "Chrome, computer"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/142.0 Mobile Safari/537.36", "Chrome, phone"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/142.0 Safari/537.36 Edg/142.0", "Edge, computer"),
        ("Mozilla/5.0 (iPad; CPU OS 18) Version/18.0 Safari/604.1", "Safari, tablet"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1)", "bot"),
        ("Mozilla/5.0 (X11) HeadlessChrome/142.0 Safari/537.36", "bot"),
        ("curl/8.9", ""),
        (7, ""),
    ],
)
def test_a_browser_is_kept_as_its_family(agent: object, family: str) -> None:
    assert context.browser(agent) == family
