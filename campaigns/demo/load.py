"""Load the demo's data set, or a folder of one's own files, moved to the present."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from campaigns.demo import past
from campaigns.demo.journey import Journey
from campaigns.demo.people import DEMOGRAPHICS
from campaigns.models import DemoInstallation
from consent import jobs
from consent.models import Job
from personalization.importing import arrival, customers, events, products
from personalization.importing.outcome import Loaded
from personalization.importing.rejected import RejectedRows
from personalization.importing.rows import Row
from personalization.importing.run import Loader
from personalization.models import Field, Source

SHOP = "demo-shop"


@dataclass(frozen=True, slots=True)
class Step:
    """One stream of rows: what they are called, how they are loaded, where they come from."""

    name: str
    load: Loader
    rows: Iterable[Row]
    source: str
    total: int | None = None


def journey(data: Journey, *, now: datetime, show: jobs.Show | None) -> dict[str, Loaded]:
    """Load The Complete Journey; what is there already stays as it is."""
    _register_demographics()
    _source(SHOP, name="Attune Market (demo shop)", is_generated=False)
    browsing = data.browse()
    steps = [
        Step("products", products.load, _numbered(data.products()), SHOP),
        Step("customers", customers.load, _numbered(data.customers()), SHOP),
        Step("orders", events.load, _numbered(chain.from_iterable(data.orders())), SHOP),
        # The source of the customers' numbers is the shop's, so that both meet in one person.
        Step("browsing", events.load, _numbered(browsing), SHOP, total=len(browsing)),
    ]
    outcomes = {step.name: run_step(step, now=now, show=show) for step in steps}
    past.load(data.past_campaigns(), source=SHOP)
    remember(
        "complete-journey",
        label="The Complete Journey (simulated from real patterns; browsing and reading generated)",
        shift_weeks=data.shift_weeks,
        now=now,
    )
    return outcomes


def run_step(step: Step, *, now: datetime, show: jobs.Show | None) -> Loaded:
    """Load one stream inside a job, so that it shows in the admin like any other import."""
    source, _ = Source.objects.get_or_create(slug=step.source, defaults={"name": step.source})
    job = jobs.create(f"import_{step.name}", label=f"Load demo {step.name}")
    loaded = Loaded()
    with jobs.run(job, show=show) as progress:
        if step.total is not None:
            progress.expect(step.total)
        with RejectedRows(progress=progress) as rejected:
            loaded = step.load(
                step.rows, source=source, now=now, progress=progress, rejected=rejected
            )
        progress.result(**loaded.figures())
    kind = "events" if step.load is events.load else step.name
    arrival.note(loaded, kind=kind, source=source, now=now)
    if job.state != Job.State.DONE:
        raise jobs.JobCancelled(f"{job.label} was cancelled; run the demo again to go on")
    return loaded


def remember(dataset: str, *, label: str, shift_weeks: int, now: datetime) -> None:
    """Note what was loaded and how far its times were moved; shown in the admin's footer."""
    DemoInstallation.objects.get_or_create(
        dataset=dataset,
        defaults={"label": label, "shift_weeks": shift_weeks, "loaded_at": now},
    )


def shift_of(dataset: str) -> int | None:
    """Return the shift of an earlier run, which has to be used again."""
    shifts = DemoInstallation.objects.filter(dataset=dataset).values_list("shift_weeks", flat=True)
    return shifts.first()


def _source(slug: str, *, name: str, is_generated: bool) -> None:
    Source.objects.get_or_create(slug=slug, defaults={"name": name, "is_generated": is_generated})


def _register_demographics() -> None:
    for name in DEMOGRAPHICS.values():
        Field.objects.get_or_create(
            kind=Field.Kind.ATTRIBUTE,
            name=name,
            defaults={
                "label": name.replace("_", " ").capitalize(),
                "type": Field.Type.TEXT,
                "purpose_id": "profiling",
                "source": "demo data set",
            },
        )


def _numbered(rows: Iterable[dict[str, object]]) -> Iterator[Row]:
    return (Row(line=line, values=values) for line, values in enumerate(rows, start=1))
