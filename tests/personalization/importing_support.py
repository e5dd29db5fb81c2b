"""What the import tests share: a moment, files of rows, one load of a list of rows."""

import csv
import gzip
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from consent import jobs
from personalization.importing.outcome import Loaded
from personalization.importing.rejected import RejectedRows
from personalization.importing.rows import Row
from personalization.importing.run import KINDS
from personalization.models import Product, Source

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
YESTERDAY = "2026-11-22T09:30:00+01:00"

Values = Mapping[str, Any]


class Rejections(RejectedRows):
    """Keeps what was rejected, to be looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[int, str, str]] = []

    def add(self, fault: Any, *, line: int) -> None:
        super().add(fault, line=line)
        self.rows.append((line, fault.column, fault.reason))


def rows_of(values: Iterable[Values]) -> list[Row]:
    return [Row(line=line, values=dict(each)) for line, each in enumerate(values, start=2)]


def load(
    kind: str,
    *values: Values,
    source: str = "shop",
    rejected: Rejections | None = None,
    now: datetime = NOON,
) -> Loaded:
    origin, _ = Source.objects.get_or_create(slug=source, defaults={"name": source})
    progress = jobs.Progress(jobs.create("import"))
    return KINDS[kind].load(
        rows_of(values),
        source=origin,
        now=now,
        progress=progress,
        rejected=rejected or Rejections(),
    )


def product(product_id: str, **given: Any) -> Product:
    defaults = {"name": f"Product {product_id}", "price": "10.00", "currency": "EUR"}
    return Product.objects.create(product_id=product_id, **{**defaults, **given})


def write_csv(path: Path, *values: Values, delimiter: str = ",") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(values[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(values)
    return path


def write_json_lines(path: Path, *values: Values) -> Path:
    data = b"".join(orjson.dumps(each) + b"\n" for each in values)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path
