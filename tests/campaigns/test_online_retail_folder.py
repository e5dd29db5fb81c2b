"""The converter of invoice lines: what becomes an order, a refund, or is counted as left out."""

import csv
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "online_retail_folder.py"
COLUMNS = (
    *("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate"),
    *("UnitPrice", "CustomerID", "Country"),
)
# The files say nothing of a zone.
MORNING = datetime.fromisoformat("2011-01-05T09:30")
LATER = datetime.fromisoformat("2011-01-07T16:00")
LINES = [
    ("1001", "85123A", "CHILDREN'S  LANTERN", 2, MORNING, 2.5, 7.0, "France"),
    ("1001", "22752", None, 1, MORNING, 4.0, 7.0, "France"),
    ("C1002", "85123A", "CHILDREN'S LANTERN", -1, LATER, 2.5, 7.0, "France"),
    ("1003", "POST", "POSTAGE", 1, LATER, 18.0, 7.0, "France"),
    ("1004", "85123A", "CHILDREN'S LANTERN", 1, LATER, 2.5, None, "France"),
    ("1005", "85123A", "damaged", 1, LATER, 0.0, 7.0, "France"),
    ("1006", "85123A", "lost", -4, LATER, 2.5, 7.0, "France"),
]


def convert(folder: Path) -> str:
    table = pa.table({name: [line[n] for line in LINES] for n, name in enumerate(COLUMNS)})
    pq.write_table(table, folder / "source.parquet")
    command = [sys.executable, str(SCRIPT), str(folder / "source.parquet"), str(folder / "out")]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_invoices_become_orders_and_cancelled_ones_refunds(tmp_path: Path) -> None:
    convert(tmp_path)

    text = (tmp_path / "out" / "events.jsonl").read_text()
    order, refund = (json.loads(line) for line in text.splitlines())
    assert (order["event"], order["external_id"]) == ("Order Completed", "7")
    assert order["timestamp"] == "2011-01-05T09:30:00Z"
    assert order["properties"]["total"] == 9.0
    assert [item["product_id"] for item in order["properties"]["products"]] == ["85123A", "22752"]
    assert (refund["event"], refund["properties"]["total"]) == ("Order Refunded", 2.5)


def test_customers_and_products_are_written_once_each(tmp_path: Path) -> None:
    convert(tmp_path)

    with (tmp_path / "out" / "customers.csv").open() as file:
        (customer,) = csv.DictReader(file)
    with (tmp_path / "out" / "products.csv").open() as file:
        unnamed, lantern = csv.DictReader(file)
    assert (customer["external_id"], customer["country"]) == ("7", "France")
    assert customer["email"].endswith("@example.com")
    assert (lantern["name"], lantern["price"]) == ("Children's Lantern", "2.50")
    assert unnamed["name"] == "Product 22752"


def test_every_line_left_out_is_counted_by_its_reason(tmp_path: Path) -> None:
    report = convert(tmp_path)

    counted = {line.split("  ")[-1]: line.split()[0] for line in report.splitlines()}
    left_out = {name: count for name, count in counted.items() if "left out" in name}
    assert counted["lines read"] == "7"
    assert counted["lines kept"] == "3"
    assert list(left_out.values()) == ["1", "1", "1", "1"]
