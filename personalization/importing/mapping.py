"""Which column of a file is which of ours: what there is, what a name suggests, samples to see."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consent.masking import mask, mask_email
from consent.models import Purpose
from personalization.importing import customer_rows, event_rows, product_rows, readers, values
from personalization.models import Field, ImportRun

# Kept as it is, under the name it has: the shop's own columns of products.
KEEP = "="
SAMPLE_ROWS = 100
SHOWN_ROWS = 3
_SHOWN_LENGTH = 60
_CONSENT_WORDS = "granted, refused, withdrawn or objected"


@dataclass(frozen=True, slots=True)
class Target:
    """One of our columns. Of the required ones of an import one at least has to be there."""

    name: str
    label: str
    is_required: bool = False
    # Identifies somebody, or is sensitive: its samples are masked.
    is_masked: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file, what it probably is, and its first values as they may be shown."""

    name: str
    target: str
    samples: tuple[str, ...]


def targets(kind: str) -> list[Target]:
    """Return our columns for a kind of file (two queries for customers)."""
    match kind:
        case ImportRun.Kind.CUSTOMERS:
            return _customer_targets()
        case ImportRun.Kind.PRODUCTS:
            return _product_targets()
        case _:
            return _event_targets()


def look_at(path: Path, *, kind: str, chosen: Mapping[str, str]) -> list[Column]:
    """Return the columns of a file in its order; a choice made before outranks the guess.

    Values of customers and of people in events are masked unless their column is known to name
    nobody.
    """
    ours = targets(kind)
    rows = [row.values for row in readers.sample(path, count=SAMPLE_ROWS)]
    names = readers.columns(path) or list(dict.fromkeys(name for row in rows for name in row))
    guessed = guess(names, kind=kind, targets=ours)
    rest = KEEP if kind == ImportRun.Kind.PRODUCTS else ""
    known = {target.name for target in ours}
    picked = {
        name: _choice(chosen[name], known=known) if name in chosen else guessed[name] or rest
        for name in names
        if name
    }
    clear = {target.name for target in ours if not target.is_masked}
    return [
        Column(
            name=name,
            target=target,
            samples=_samples(
                rows, name=name, is_clear=target in clear or kind == ImportRun.Kind.PRODUCTS
            ),
        )
        for name, target in picked.items()
    ]


def guess(names: Sequence[str], *, kind: str, targets: Sequence[Target]) -> dict[str, str]:
    """Return our column for each of theirs, empty where nothing fits; none of ours twice."""
    known = {_plain(target.name): target.name for target in targets}
    known |= {_plain(target.label): target.name for target in targets}
    also = {word: ours for ours, words in _ALSO[kind].items() for word in words.split()}
    taken: set[str] = set()
    found = {}
    for name in names:
        plain = _plain(name)
        target = known.get(plain) or also.get(plain, "")
        found[name] = "" if target in taken else target
        taken.add(found[name])
    return found


def problems(chosen: Mapping[str, str], *, kind: str) -> list[str]:
    """Say why a choice of columns cannot be loaded."""
    ours = {target.name: target for target in targets(kind)}
    used = [name for name in chosen.values() if name in ours]
    found = [
        f"Two columns are “{ours[name].label}”: leave one of them out."
        for name in sorted({name for name in used if used.count(name) > 1})
    ]
    required = [target for target in ours.values() if target.is_required]
    if kind != ImportRun.Kind.PRODUCTS:
        people = [target for target in required if target.name in _NAMES_SOMEBODY]
        if not any(target.name in used for target in people):
            labels = " or ".join(f"“{target.label}”" for target in people)
            found.append(f"No column is {labels}: one of them says whose row it is.")
        required = [target for target in required if target not in people]
    found += [
        f"No column is “{target.label}”, and every row needs it."
        for target in required
        if target.name not in used
    ]
    return found


def _choice(target: str, *, known: Collection[str]) -> str:
    return target if not target or target in known else KEEP


_NAMES_SOMEBODY = frozenset(("external_id", "email", "anonymous_id"))


def _customer_targets() -> list[Target]:
    fields = list(Field.objects.filter(kind=Field.Kind.ATTRIBUTE).select_related("purpose"))
    columns = customer_rows.catalogue()
    known = [field for field in fields if columns.keeps(field.name)]
    return [
        Target("external_id", "Customer number", is_required=True, is_masked=True),
        Target("email", "Email address", is_required=True, is_masked=True),
        *(
            Target(name, name.replace("_", " ").capitalize(), is_masked=True)
            for name in customer_rows.PERSONAL
        ),
        *(
            Target(
                field.name,
                field.label,
                is_masked=field.is_sensitive or field.is_personal,
                hint=f"sensitive: kept only with consent “{field.purpose.name}”"
                if field.is_sensitive
                else field.get_type_display(),
            )
            for field in known
            if field.name not in customer_rows.PERSONAL
        ),
        *(
            Target(f"{customer_rows.CONSENT}{code}", f"Consent: {name}", hint=_CONSENT_WORDS)
            for code, name in Purpose.objects.values_list("code", "name")
        ),
        Target(customer_rows.CONSENT_SOURCE, "Consent: where it was given"),
        Target(customer_rows.CONSENT_AT, "Consent: when", hint="needed beside each consent"),
    ]


def _product_targets() -> list[Target]:
    labels = {"url": "Link", "image_url": "Picture", "stock": "Stock (how many)"}
    needed = {"name", "price", "currency"}
    return [
        Target("product_id", "Product id", is_required=True),
        *(
            Target(
                name,
                labels.get(name, name.replace("_", " ").capitalize()),
                hint="needed for new products" if name in needed else "",
            )
            for name in product_rows.COLUMNS
        ),
    ]


def _event_targets() -> list[Target]:
    labels = {
        "message_id": "Message id",
        "external_id": "Customer number",
        "anonymous_id": "Anonymous id",
        "event": "What happened",
        "timestamp": "When",
        "properties": "Properties (JSON)",
    }
    required = {"message_id", "external_id", "anonymous_id", "timestamp"}
    masked = {"external_id", "anonymous_id", "properties"}
    names = [*labels, *sorted(event_rows.COLUMNS - labels.keys())]
    return [
        Target(
            name,
            labels.get(name, name.replace("_", " ").capitalize()),
            is_required=name in required,
            is_masked=name in masked,
        )
        for name in names
    ]


def _samples(rows: Sequence[Mapping[str, Any]], *, name: str, is_clear: bool) -> tuple[str, ...]:
    given = [row[name] for row in rows if not values.is_missing(row.get(name))]
    return tuple(_shown(value, is_clear=is_clear) for value in given[:SHOWN_ROWS])


def _shown(value: Any, *, is_clear: bool) -> str:
    text = str(value).strip()
    if "@" in text:
        return mask_email(text)[:_SHOWN_LENGTH]
    if not is_clear:
        return mask(text)
    return text[:_SHOWN_LENGTH] + ("…" if len(text) > _SHOWN_LENGTH else "")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9äöüß]", "", name.lower())


# What other programs call our columns, written plainly.
_ALSO: Mapping[str, Mapping[str, str]] = {
    "customers": {
        "external_id": "customerid customernumber customerno userid id kundennummer kundennr kunde",
        "email": "mail emailadresse emailaddress address1email mailadresse",
        "first_name": "firstname givenname vorname prenom",
        "last_name": "lastname surname familyname nachname nom",
        "phone": "phonenumber telephone tel mobile telefon handy",
        "street": "address address1 streetaddress strasse straße",
        "city": "town ort stadt ville",
        "country": "countrycode land pays",
        "language": "locale lang sprache langue",
        "timezone": "tz zeitzone",
        "consent_email_marketing": "acceptsmarketing newsletter optin emailconsent",
        "consent_at": "consentdate consenttime optindate optintime",
        "consent_source": "optinsource",
    },
    "products": {
        "product_id": "id sku productid itemid artikelnummer artikelnr articleid",
        "name": "title productname productname bezeichnung titel",
        "category": "producttype googleproductcategory kategorie",
        "price": "unitprice saleprice preis",
        "currency": "currencycode waehrung währung",
        "brand": "vendor manufacturer marke hersteller",
        "url": "link producturl",
        "image_url": "image imagelink imageurl picture bild",
        "in_stock": "available availability verfuegbar verfügbar lieferbar",
        "stock": "quantity inventory inventoryquantity bestand lagerbestand",
    },
    "events": {
        "message_id": "messageid id eventid uuid",
        "external_id": "userid customerid customernumber kundennummer",
        "anonymous_id": "anonymousid visitorid deviceid",
        "event": "eventname name action",
        "timestamp": "time occurredat date datetime createdat zeit",
        "properties": "props data payload",
    },
}
