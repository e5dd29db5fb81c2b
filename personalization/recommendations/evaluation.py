"""Evaluate the strategies on this shop's own weeks: tuned on earlier ones, measured on the last."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from personalization.models import RecommendationModel
from personalization.recommendations import catalogue, evaluate, fitting, train
from personalization.recommendations.evaluate import Split
from personalization.recommendations.fitting import Goods, Story, Tuning

TEST_DAYS = 28
MOST_PEOPLE = 2_000
SEED = 20
STRATEGIES = (
    *("because_you_bought", "because_you_viewed", "goes_with", "vmis", "buy_again"),
    *("trending", "popular"),
)
# Its list is compared with the strongest simple one.
OURS, THEIRS = "because_you_bought", "baseline: popularity, 28 days"
GRID = tuple(
    Tuning(half_life_days=half_life, neighbour_count=count)
    for half_life in (15.0, 30.0, 60.0)
    for count in (50, 100)
)

Step = Callable[[], None]


def run(*, now: datetime, days: int = TEST_DAYS, is_tuned: bool, step: Step) -> dict[str, Any]:
    """Evaluate on the shop's data; the result is kept with the live model."""
    goods = catalogue.read(now=now)
    story = train.read_story(goods, now=now)
    step()
    report = of_story(goods, story, days=days, grid=GRID if is_tuned else (), step=step)
    live = RecommendationModel.objects.filter(is_live=True).defer("payload").first()
    if live is not None:
        live.metrics["evaluation"] = {**report, "at": now.isoformat()}
        live.save(update_fields=["metrics"])
    return report


def of_story(
    goods: Goods, story: Story, *, days: int, grid: Sequence[Tuning], step: Step
) -> dict[str, Any]:
    """Tune on the validation weeks, if asked, then read the test weeks once."""
    tuning = Tuning()
    tried: list[tuple[Tuning, float]] = []
    if grid:
        validation = _split(story, from_days=2 * days, until_days=days)
        tuning, tried = evaluate.tune(goods, validation, grid=grid, strategy=OURS)
    step()
    test = _split(story, from_days=days, until_days=0)
    model = fitting.fit(goods, test.before, tuning=tuning)
    step()
    found = evaluate.methods(model, before=test.before, strategies=STRATEGIES)
    count = len(goods.product_ids)
    tables, compared = {}, {}
    for kind, only_new in (("new", True), ("all", False)):
        measured = {
            name: evaluate.measure(test.cases, method, count=count, only_new=only_new)
            for name, method in found.items()
        }
        tables[kind] = {name: each.summary() for name, each in measured.items()}
        apart = evaluate.difference(measured[OURS].hits, measured[THEIRS].hits, seed=SEED)
        compared[kind] = dict(
            zip(("mean", "low", "high"), (round(x, 4) for x in apart), strict=True)
        )
        compared[kind]["people"] = len(measured[OURS].hits)
    step()
    return {
        "days": days,
        "people": len(test.cases),
        "tuning": asdict(tuning),
        "tried": [{**asdict(each), "hr_20": rate} for each, rate in tried],
        "tables": tables,
        "difference": compared,
        "ours": OURS,
        "theirs": THEIRS,
    }


def in_words(report: dict[str, Any]) -> str:
    """Say a report as tables for a terminal."""
    if not report["people"]:
        return (
            f"Nobody bought both in the last {report['days']} days and before: nothing to measure."
        )
    lines = [f"First order of the last {report['days']} days, {report['people']:,} people."]
    if report["tried"]:
        lines.append(_tuned(report))
    for kind, title in (("new", "New products only"), ("all", "All products")):
        apart = report["difference"][kind]
        lines += ["", f"{title}: {apart['people']:,} people", _HEAD]
        lines += [_row(name, figures) for name, figures in report["tables"][kind].items()]
        lines.append(
            f"{report['ours']} less {report['theirs']}: HR@20 {apart['mean']:+.3f},"
            f" 95 % interval {apart['low']:+.3f} to {apart['high']:+.3f}"
        )
    return "\n".join(lines)


_HEAD = f"{'':<32}{'HR@20':>8}{'MRR@20':>8}{'NDCG@10':>9}{'coverage':>10}"


def _row(name: str, figures: dict[str, float]) -> str:
    return (
        f"{name:<32}{figures['hr_20']:>8.3f}{figures['mrr_20']:>8.3f}"
        f"{figures['ndcg_10']:>9.3f}{figures['coverage']:>10.1%}"
    )


def _tuned(report: dict[str, Any]) -> str:
    tuning = report["tuning"]
    return (
        f"Tuned on the {report['days']} days before, {len(report['tried'])} settings: half-life "
        f"{tuning['half_life_days']:g} days, {tuning['neighbour_count']} neighbours."
    )


def _split(story: Story, *, from_days: int, until_days: int) -> Split:
    return evaluate.split(
        story, held_out_days=from_days, until_days=until_days, most=MOST_PEOPLE, seed=SEED
    )
