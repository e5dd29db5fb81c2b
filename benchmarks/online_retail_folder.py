"""Turn the Online Retail invoices into a folder for `make demo DATA=FOLDER`.

    python benchmarks/online_retail_folder.py SOURCE.parquet OUT_FOLDER

SOURCE has the columns InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice,
CustomerID, Country. The set has no addresses and says nothing of consent: addresses are made up
under example.com, and every customer counts as having agreed. Times stay as they are.
"""

import argparse
import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from string import capwords
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
from faker import Faker

CURRENCY = "GBP"
SEED = 20101201
PURPOSES = ("email_marketing", "email_tracking", "profiling")
# A code of five digits is a product; POST, D, M, BANK CHARGES and the like are bookings.
PRODUCT_CODE = r"^[0-9]{5}"

Line = Mapping[str, Any]


@dataclass(slots=True)
class Report:
    """What was read, written and left out."""

    counts: Counter[str] = field(default_factory=Counter)

    def print(self) -> None:
        for name, count in self.counts.items():
            print(f"{count:>9,}  {name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Plain)
    parser.add_argument("source", type=Path, metavar="SOURCE.parquet")
    parser.add_argument("folder", type=Path, metavar="OUT_FOLDER")
    options = parser.parse_args()
    convert(options.source, folder=options.folder).print()


def convert(source: Path, *, folder: Path) -> Report:
    """Write customers.csv, products.csv and events.jsonl; count what cannot be used."""
    report = Report()
    lines = _usable(source, report=report)
    folder.mkdir(parents=True, exist_ok=True)
    _write_csv(folder / "customers.csv", rows=customers(lines), report=report)
    _write_csv(folder / "products.csv", rows=products(lines), report=report)
    events = invoices(lines)
    with (folder / "events.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(event)}\n" for event in events)
    report.counts.update(Counter(f"{event['event']} events written" for event in events))
    return report


def customers(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """One customer an id; country from the latest invoice."""
    names = Faker("en_GB")
    names.seed_instance(SEED)
    first: dict[int, datetime] = {}
    country: dict[int, str] = {}
    for line in sorted(lines, key=lambda line: line["InvoiceDate"]):
        customer = int(line["CustomerID"])
        first.setdefault(customer, line["InvoiceDate"])
        country[customer] = line["Country"]
    return [
        {
            "external_id": str(customer),
            "email": f"customer{customer}@example.com",
            "first_name": names.first_name(),
            "last_name": names.last_name(),
            "country": country[customer],
            **{f"consent_{purpose}": "granted" for purpose in PURPOSES},
            "consent_source": "assumed for the demo",
            "consent_at": _iso(first[customer] - timedelta(days=1)),
        }
        for customer in sorted(first)
    ]


def products(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Name: the most frequent description; price: the median of the unit prices."""
    described: dict[str, Counter[str]] = defaultdict(Counter)
    prices: dict[str, list[float]] = defaultdict(list)
    for line in lines:
        code = line["StockCode"]
        prices[code].append(line["UnitPrice"])
        described[code][" ".join((line["Description"] or "").split())] += 1
    return [
        {
            "product_id": code,
            "name": capwords(described[code].most_common(1)[0][0]) or f"Product {code}",
            "category": "",
            "brand": "",
            "price": f"{median(prices[code]):.2f}",
            "currency": CURRENCY,
            "url": f"https://shop.example.com/p/{code}",
            "image_url": "",
            "in_stock": "true",
        }
        for code in sorted(prices)
    ]


def invoices(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """An event an invoice, by time; invoices whose number begins with C are refunds."""
    grouped: dict[tuple[str, int], list[Line]] = defaultdict(list)
    for line in lines:
        grouped[line["InvoiceNo"], int(line["CustomerID"])].append(line)
    events = [_event(invoice, customer, own) for (invoice, customer), own in grouped.items()]
    return sorted(events, key=lambda event: (event["timestamp"], event["message_id"]))


def _event(invoice: str, customer: int, lines: list[Line]) -> dict[str, Any]:
    is_refund = invoice.startswith("C")
    items = [
        {
            "product_id": line["StockCode"],
            "quantity": abs(line["Quantity"]),
            "price": round(line["UnitPrice"], 2),
        }
        for line in lines
    ]
    return {
        "message_id": f"invoice-{invoice}",
        "type": "track",
        "event": "Order Refunded" if is_refund else "Order Completed",
        "external_id": str(customer),
        # An invoice may spread over two minutes: its first line tells the time.
        "timestamp": _iso(min(line["InvoiceDate"] for line in lines)),
        "properties": {
            "order_id": invoice,
            "total": round(sum(item["quantity"] * item["price"] for item in items), 2),
            "currency": CURRENCY,
            "products": items,
        },
    }


def _usable(source: Path, *, report: Report) -> list[Line]:
    table = pq.read_table(source)
    report.counts["lines read"] = table.num_rows
    is_cancel = pc.starts_with(table["InvoiceNo"], pattern="C")
    checks = {
        "without customer": pc.is_valid(table["CustomerID"]),
        "of no product (postage, fees, corrections)": pc.match_substring_regex(
            table["StockCode"], pattern=PRODUCT_CODE
        ),
        "with a price of zero or less": pc.greater(table["UnitPrice"], 0),
        "with a quantity that does not fit its kind of invoice": pc.equal(
            pc.less(table["Quantity"], 0), is_cancel
        ),
    }
    kept = None
    for reason, passes in checks.items():
        left = passes if kept is None else pc.and_(kept, passes)
        before = table.num_rows if kept is None else pc.sum(kept).as_py()
        report.counts[f"lines left out: {reason}"] = before - (pc.sum(left).as_py() or 0)
        kept = left
    found: list[Line] = table.filter(kept).to_pylist()
    report.counts["lines kept"] = len(found)
    return found


def _write_csv(path: Path, *, rows: list[dict[str, Any]], report: Report) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    report.counts[f"rows in {path.name}"] = len(rows)


def _iso(time: datetime) -> str:
    return time.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")


class _Plain(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the module's description."""


if __name__ == "__main__":
    main()
