"""Read a receipt's decision in a marketer's words: rules asked, content chosen, products, why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q

from consent.models import Purpose
from personalization.conditions.describe import describe
from personalization.conditions.fields import Catalogue
from personalization.conditions.tree import parse
from personalization.content import languages
from personalization.models import ContentBlockVersion, Offer, Product, RuleSetVersion
from personalization.offers.refusals import WITHHELD
from personalization.profiles import catalogue
from personalization.recommendations.look import MISSING
from personalization.recommendations.offer import reason
from personalization.recommendations.strategies.registry import STRATEGIES

Decision = Mapping[str, Any]
_BLANK = "its content came out blank: it had nothing to show. So the fallback is shown"


@dataclass(frozen=True, slots=True)
class Consent:
    """What the person allowed when the mail was written."""

    purpose: str
    granted: tuple[str, ...]
    may_profile: bool
    may_track: bool
    is_granted: bool


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule of the table; `is_hit` is None where an earlier rule had decided already.

    `withheld` says why it gave way where it held: no offer to give, or nothing to show.
    """

    name: str
    sentence: str
    is_hit: bool | None
    is_chosen: bool
    withheld: str = ""


@dataclass(frozen=True, slots=True)
class SlotReason:
    slot: str
    ruleset: str
    version: int
    rules: tuple[RuleLine, ...]
    chosen: str
    is_fallback: bool
    is_blank: bool
    block: str
    block_version: int
    variant: str
    offer: str = ""
    # Which language and why, in words, where the block has several.
    language: str = ""
    # Percent of the people it might be shown to who see it; below 100 only where rules try out.
    percent: float = 100.0
    is_tried: bool = False


@dataclass(frozen=True, slots=True)
class ProductReason:
    name: str
    category: str
    image_url: str
    price: Decimal | None
    currency: str
    sentence: str
    strategy: str
    tier: str
    is_fallback: bool
    score: float


@dataclass(frozen=True, slots=True)
class Because:
    """All that led to one mail; `missing` says why there are no products.

    `ages` says in words how old what went in was, as `stock 12 seconds`.
    """

    consent: Consent
    slots: tuple[SlotReason, ...]
    products: tuple[ProductReason, ...]
    model: int | None
    missing: str = ""
    ages: tuple[str, ...] = ()


def because(decision: Decision) -> Because:
    """Explain a decision; the number of queries does not grow with slots or products."""
    slots: Mapping[str, Decision] = decision["slots"]
    pairs = {(str(slot["ruleset"]), int(slot["version"])) for slot in slots.values()}
    rulesets = _keyed(RuleSetVersion.objects.filter(_named(pairs)).select_related("of"))
    pairs = {(str(slot["block"]), int(slot["block_version"])) for slot in slots.values()}
    blocks = _keyed(ContentBlockVersion.objects.filter(_named(pairs)).select_related("of"))
    known = _Known(rulesets, blocks, _offer_names(slots.values()), catalogue.load())
    return Because(
        consent=_consent(decision["permission"]),
        slots=tuple(_slot(name, slot, known=known) for name, slot in slots.items()),
        products=_products(_recommended(decision)),
        model=decision["model"],
        missing=MISSING.get(str(decision.get("missing")), ""),
        ages=tuple(f"{name} {_age(int(age))}" for name, age in decision.get("ages", {}).items()),
    )


_Versions = Mapping[tuple[str, int], Any]


@dataclass(frozen=True, slots=True)
class _Known:
    rulesets: _Versions
    blocks: _Versions
    offers: Mapping[str, str]
    catalogue: Catalogue


def _offer_names(slots: Iterable[Decision]) -> dict[str, str]:
    """Name the offers that slots gave or could not give (one query, or none)."""
    slugs = {slot["offer"] for slot in slots if slot.get("offer")}
    slugs |= {each["offer"] for slot in slots for each in slot.get("withheld", ())}
    if not slugs:
        return {}
    return dict(Offer.objects.filter(slug__in=slugs).values_list("slug", "name"))


def _named(pairs: Iterable[tuple[str, int]]) -> Q:
    return reduce(or_, (Q(of__slug=slug, number=number) for slug, number in pairs), Q(pk=None))


def _keyed(versions: Iterable[Any]) -> _Versions:
    return {(version.of.slug, version.number): version for version in versions}


def _consent(permission: Decision) -> Consent:
    names = dict(Purpose.objects.values_list("code", "name"))
    code = str(permission["purpose"])
    return Consent(
        purpose=names.get(code, code),
        granted=tuple(names.get(granted, granted) for granted in permission["granted"]),
        may_profile=permission["may_profile"],
        may_track=permission["may_track"],
        is_granted=code in permission["granted"],
    )


def _age(seconds: int) -> str:
    """Say how old something was, as coarsely as it matters."""
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size:,} {unit}"
    return f"{seconds} seconds"


def _slot(name: str, slot: Decision, *, known: _Known) -> SlotReason:
    ruleset = known.rulesets.get((slot["ruleset"], slot["version"]))
    block = known.blocks.get((slot["block"], slot["block_version"]))
    variants = block.content["variants"] if block else []
    names: dict[str, str] = {variant["key"]: variant["name"] for variant in variants}
    offer = str(slot.get("offer") or "")
    return SlotReason(
        slot=name,
        ruleset=ruleset.of.name if ruleset else slot["ruleset"],
        version=slot["version"],
        rules=tuple(_rules(slot, content=ruleset.content if ruleset else {}, known=known)),
        chosen=slot["rule_name"],
        is_fallback=slot["is_fallback"],
        is_blank="blank" in slot,
        block=block.of.name if block else slot["block"],
        block_version=slot["block_version"],
        variant=names.get(str(slot["variant"]), str(slot["variant"])),
        offer=known.offers.get(offer, offer),
        language=_language(slot),
        percent=round(100 * float(slot.get("probability", 1)), 1),
        is_tried=bool(slot.get("is_explored")),
    )


def _language(slot: Decision) -> str:
    why = str(slot.get("language_why") or "")
    return languages.in_words(str(slot["language"]), why) if why else ""


def _rules(slot: Decision, *, content: Decision, known: _Known) -> Iterable[RuleLine]:
    """List all rules of the version in the order they are asked, those not reached as well."""
    asked: dict[str, bool] = dict(slot["considered"])
    withheld = {
        each["rule"]: _withheld(each, offers=known.offers) for each in slot.get("withheld", ())
    } | {each["rule"]: _BLANK for each in slot.get("blank", ())}
    chosen = {slot["rule"], *(each["rule"] for each in slot.get("also", ()))}
    for rule in sorted(content.get("rules", []), key=lambda rule: rule["priority"]):
        gave_way = withheld.get(rule["key"])
        yield RuleLine(
            name=rule["name"],
            sentence=describe(parse(rule["condition"]), catalogue=known.catalogue),
            is_hit=True if gave_way else asked.get(rule["key"]),
            is_chosen=rule["key"] in chosen,
            withheld=gave_way or "",
        )


def _withheld(gave_way: Decision, *, offers: Mapping[str, str]) -> str:
    name = offers.get(gave_way["offer"], gave_way["offer"])
    why = WITHHELD[gave_way["reason"]]
    return f"the offer “{name}” could not be given: {why}. So the next rule was asked"


def _recommended(decision: Decision) -> list[Decision]:
    """Return the reasons of all products shown: those of the mail, then those of single slots."""
    own: Mapping[str, Decision] = decision.get("own", {})
    lists = (decision, *own.values())
    return [reason for each in lists for reason in each["recommendations"]]


def _products(reasons: Iterable[Decision]) -> tuple[ProductReason, ...]:
    items = list(reasons)
    ids = {pk for item in items for pk in (item["product"], item["because_of"]) if pk is not None}
    found = Product.objects.in_bulk(ids)
    return tuple(_product(item, found=found) for item in items)


def _product(item: Decision, *, found: Mapping[int, Product]) -> ProductReason:
    product, cause = found.get(item["product"]), found.get(item["because_of"])
    category = product.category if product else ""
    tier, strategy = int(item["tier"]), STRATEGIES.get(item["strategy"])
    return ProductReason(
        name=product.name if product else "A product that is gone",
        category=category,
        image_url=product.image_url if product else "",
        price=product.price if product else None,
        currency=product.currency if product else "",
        sentence=reason(
            strategy=item["strategy"],
            cause=cause.name if cause else "",
            category=category,
            detail=item.get("detail", ""),
        ),
        strategy=strategy.label if strategy else item["strategy"],
        tier=f"Fallback {tier}" if tier else "First choice",
        is_fallback=tier > 0,
        score=item["score"],
    )
