"""Would we have named what people bought next? On the Online Retail invoices, read as Parquet.

    python -m benchmarks.next_basket SOURCE.parquet [--json FILE]

Only products new to the person count. Half-life and number of neighbours are chosen on the 29 days
before 11 November 2011; the 29 days from then on are read once, at the end. No database is needed.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks import report
from personalization.recommendations import evaluate, fitting
from personalization.recommendations.evaluate import Measured
from personalization.recommendations.fitting import Goods, Story, Tuning, Visits
from personalization.recommendations.model import ALWAYS, NO_CATEGORY
from personalization.recommendations.neighbours import Lines

END, CUT = np.datetime64("2011-12-10", "s"), np.datetime64("2011-11-11", "s")
DAYS = int((END - CUT) / np.timedelta64(1, "D"))
SEED = 20
GRID = tuple(
    Tuning(half_life_days=half_life, neighbour_count=count)
    for half_life in (15.0, 30.0, 60.0)
    for count in (50, 100, 200)
)
OURS, THEIRS = "because_you_bought", "baseline: popularity, 28 days"
STRATEGIES = (OURS, "goes_with", "buy_again", "popular")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, metavar="SOURCE.parquet")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    goods, story = read(options.source)
    validation = split(story, is_validation=True)
    tuning, tried = evaluate.tune(goods, validation, grid=GRID, strategy=OURS)
    print(f"Validation, {len(validation.cases):,} people, new products, HR@20:\n")
    print(report.Table(("half-life, neighbours", "HR@20"), [_tried(*each) for each in tried]))
    result = measured(goods, split(story, is_validation=False), tuning=tuning)
    print(f"\nTest, read once, with {_name(tuning)}:\n\n{result}")
    if options.json:
        report.write(options.json, content=result.figures)


def read(source: Path) -> tuple[Goods, Story]:
    """Read the lines of real purchases: a known customer, a product, a price, no cancellation."""
    table = pq.read_table(source)
    usable = (
        pc.is_valid(table["CustomerID"]),
        pc.match_substring_regex(table["StockCode"], pattern=r"^[0-9]{5}"),
        pc.greater(table["UnitPrice"], 0),
        pc.greater(table["Quantity"], 0),
        pc.invert(pc.starts_with(table["InvoiceNo"], pattern="C")),
    )
    mask = usable[0]
    for each in usable[1:]:
        mask = pc.and_(mask, each)
    table = table.filter(mask)
    codes, items = np.unique(np.array(table["StockCode"].to_pylist()), return_inverse=True)
    _, baskets = np.unique(np.array(table["InvoiceNo"].to_pylist()), return_inverse=True)
    when: NDArray[np.datetime64] = np.array(table["InvoiceDate"].to_pylist(), "datetime64[s]")
    none = np.zeros(0, dtype=np.int64)
    story = Story(
        bought=Lines(
            baskets.astype(np.int64),
            items.astype(np.int64),
            (END - when).astype(np.int64) // 86_400,
        ),
        people=np.array(table["CustomerID"].to_pylist()).astype(np.int64),
        viewed=Visits(none, none, none, none),
    )
    return _goods(len(codes)), story


def split(story: Story, *, is_validation: bool) -> evaluate.Split:
    days = (2 * DAYS, DAYS) if is_validation else (DAYS, 0)
    return evaluate.split(story, held_out_days=days[0], until_days=days[1], most=10**6, seed=SEED)


def measured(goods: Goods, test: evaluate.Split, *, tuning: Tuning) -> report.Result:
    """Measure every method on the test weeks, new products and all."""
    model = fitting.fit(goods, test.before, tuning=tuning)
    found = evaluate.methods(model, before=test.before, strategies=STRATEGIES)
    count = len(goods.product_ids)
    figures: dict[str, Any] = {"tuning": _name(tuning)}
    tables, notes = [], []
    for kind, only_new in (("new", True), ("all", False)):
        results = {
            name: evaluate.measure(test.cases, method, count=count, only_new=only_new)
            for name, method in found.items()
        }
        mean, low, high = evaluate.difference(results[OURS].hits, results[THEIRS].hits, seed=SEED)
        figures[kind] = {name: each.summary() for name, each in results.items()}
        figures[f"difference_{kind}"] = {"mean": mean, "low": low, "high": high}
        tables.append(_table(kind, results))
        notes.append(
            f"{kind.capitalize()} products: {OURS} less {THEIRS}: HR@20 {mean:+.3f}, 95 % interval"
            f" {low:+.3f} to {high:+.3f} (paired bootstrap)."
        )
    return report.Result(figures=figures, tables=tables, notes=notes)


def _goods(count: int) -> Goods:
    return Goods(
        product_ids=np.arange(count, dtype=np.int64),
        categories=np.full(count, NO_CATEGORY, dtype=np.int32),
        category_names=(),
        brands=np.full(count, NO_CATEGORY, dtype=np.int32),
        is_sensitive=np.zeros(count, dtype=np.bool_),
        ages=np.full(count, ALWAYS, dtype=np.float32),
    )


def _table(kind: str, results: dict[str, Measured]) -> report.Table:
    people = max(len(each.hits) for each in results.values())
    head = (f"{kind} products, {people:,} people", "HR@20", "MRR@20", "NDCG@10", "coverage")
    rows = [
        (name, *(f"{value:.3f}" for value in each.summary().values()))
        for name, each in results.items()
    ]
    return report.Table(head, rows)


def _tried(tuning: Tuning, rate: float) -> tuple[str, str]:
    return _name(tuning), f"{rate:.3f}"


def _name(tuning: Tuning) -> str:
    return f"{tuning.half_life_days:g} days, {tuning.neighbour_count}"


if __name__ == "__main__":
    main()
