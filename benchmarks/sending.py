"""Mails a second, end to end, beside Django's SMTP backend with the same bytes."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from django.db import connection
from django.utils import timezone

from benchmarks import django_mail, machine, receiver, shop, workers
from benchmarks.receiver import Sink, Taken
from benchmarks.report import Result, Table, middle, spread
from campaigns.management.commands.send_campaign import WORKERS_WOKEN
from campaigns.models import Campaign, CampaignSlot, Experiment
from campaigns.sending import lifecycle, run
from campaigns.tasks import send_next_chunk
from config.processes import workers as worker_count

PEOPLE = {"short": 6_000, "full": 50_000}
# So many of the rendered mails are kept and sent again by Django.
KEPT = {"short": 3_000, "full": 10_000}
# Building MIME takes Django so long that fewer will do.
BUILT = 1_000
ROUNDS = 3
WORKERS = worker_count()
DJANGO = "Django's SMTP backend, one open connection"
LOOK_SECONDS = 0.05
PATIENCE_SECONDS = 60.0


class CountsDiffer(Exception):
    """Planned, sent, recorded and received are not the same number: the speed means nothing."""


class Stuck(Exception):
    """The workers stopped moving; says what the campaign's problem is."""


@dataclass(frozen=True, slots=True)
class Round:
    """One campaign to everybody. `launch_seconds`: segment, audience and plan."""

    mails: int
    launch_seconds: float
    seconds: float

    @property
    def per_second(self) -> float:
        return self.mails / self.seconds

    @property
    def per_second_with_launch(self) -> float:
        return self.mails / (self.seconds + self.launch_seconds)


@dataclass(frozen=True, slots=True)
class Django:
    """Mails a second of each round."""

    finished: list[float] = field(default_factory=list)
    built: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Medians of the kept mails, in bytes."""

    html: int
    text: int
    whole: int


def measure(*, scale: str, port: int, people: int | None) -> Result:
    """Load a shop, warm up, then take turns with Django."""
    count, kept = people or PEOPLE[scale], min(people or KEPT[scale], KEPT[scale])
    scene, loaded = shop.open_shop(count, now=timezone.now())
    with (
        tempfile.TemporaryDirectory() as folder,
        receiver.sink(port, keep=Path(folder), keep_count=kept) as sink,
        workers.running(WORKERS) as processes,
    ):
        send(scene, sink=sink)
        contents = [path.read_bytes() for path in sorted(Path(folder).iterdir())]
        ours, django = [], Django()
        for number in range(1, ROUNDS + 1):
            campaign = _again(scene, number=number)
            ours.append(send(campaign, sink=sink))
            django.finished.append(django_mail.finished(contents, port=port, sink=sink))
            django.built.append(django_mail.built(contents[:BUILT], port=port, sink=sink))
        second = _second_run(campaign, sink=sink)
        memory = [machine.peak_memory_bytes(process) for process in processes]
    figures: dict[str, object] = {
        "people": count,
        "events": {name: outcome.loaded for name, outcome in loaded.items()},
        "seed": shop.SEED,
        "ours": [asdict(each) for each in ours],
        "kept": len(contents),
        "django": asdict(django),
        "second_run_sent": second,
        "worker_peak_bytes": [peak for peak in memory if peak],
    }
    return _result(ours, django=django, sizes=_sizes(contents), figures=figures)


def send(campaign: Campaign, *, sink: Sink) -> Round:
    """Launch a campaign, let the workers send it, and count at every end."""
    before, started = sink.taken(), time.monotonic()
    planned = lifecycle.launch(campaign, now=timezone.now())
    launched = time.monotonic()
    _by_workers(campaign)
    ended = time.monotonic()
    sent = agreed(campaign, planned=planned.planned, taken=sink.taken().since(before))
    return Round(mails=sent, launch_seconds=launched - started, seconds=ended - launched)


def _by_workers(campaign: Campaign) -> None:
    """Wake the workers as `send_campaign --workers` does; wait until one closes the campaign."""
    for _ in range(WORKERS_WOKEN):
        send_next_chunk.delay(campaign.pk)
    done, give_up_at = -1, 0.0
    while campaign.status != Campaign.Status.SENT:
        time.sleep(LOOK_SECONDS)
        campaign.refresh_from_db(fields=["status", "problem"])
        if time.monotonic() > give_up_at:
            moved = run.done_count(campaign)
            if moved == done:
                raise Stuck(
                    f"{campaign}: no mail in {PATIENCE_SECONDS:.0f} s after {done}: "
                    f"{campaign.problem or 'see var/log/bench-worker.log'}"
                )
            done, give_up_at = moved, time.monotonic() + PATIENCE_SECONDS


_RECORDED = """
SELECT count(*) FILTER (WHERE s.state = 'sent'),
       count(*) FILTER (WHERE s.state = 'sent' AND r.id IS NOT NULL)
FROM campaigns_send s LEFT JOIN personalization_receipt r ON r.message_key = s.message_key
WHERE s.campaign_id = %s
"""


def agreed(campaign: Campaign, *, planned: int, taken: Taken) -> int:
    """Return the number of mails, if all who count them say the same."""
    with connection.cursor() as cursor:
        cursor.execute(_RECORDED, [campaign.pk])
        sent, receipts = cursor.fetchone()
    counts = {
        "planned": planned,
        "sent": sent,
        "with receipt": receipts,
        "at the sink": taken.mails,
        "different keys at the sink": taken.keys,
    }
    if planned == 0 or len(set(counts.values())) != 1:
        raise CountsDiffer(f"{campaign}: {counts}")
    return planned


def _again(scene: Campaign, *, number: int) -> Campaign:
    """The demo's campaign once more, under another name: nobody gets the same one twice."""
    campaign = Campaign.objects.create(
        slug=f"{scene.slug}-{number}",
        name=f"{scene.name} {number}",
        purpose_id=scene.purpose_id,
        template_id=scene.template_id,
        sender_id=scene.sender_id,
        recommendation_count=scene.recommendation_count,
    )
    campaign.segments.set(scene.segments.all())
    for slot in scene.slots.all():
        CampaignSlot.objects.create(campaign=campaign, name=slot.name, ruleset_id=slot.ruleset_id)
    tested = Experiment.objects.get(campaign=scene)
    experiment = Experiment.objects.create(
        campaign=campaign,
        name=tested.name,
        metric=tested.metric,
        holdout_percent=tested.holdout_percent,
        seed=f"{tested.seed}-{number}",
    )
    for arm in tested.arms.all():
        arm.pk, arm.experiment = None, experiment
        arm.save()
    return campaign


def _second_run(campaign: Campaign, *, sink: Sink) -> int:
    """Launch and send what was sent already; return how many mails came of it."""
    before = sink.taken()
    planned = lifecycle.launch(campaign, now=timezone.now())
    _by_workers(campaign)
    mails = sink.taken().since(before).mails
    if planned.added or mails:
        raise CountsDiffer(f"{campaign}: a second run planned {planned.added} and sent {mails}")
    return mails


def _sizes(contents: Sequence[bytes]) -> Sizes:
    parts = [django_mail.read(content) for content in contents]
    return Sizes(
        html=round(median(len(part.html.encode()) for part in parts)),
        text=round(median(len(part.text.encode()) for part in parts)),
        whole=round(median(map(len, contents))),
    )


def _result(
    ours: Sequence[Round], *, django: Django, sizes: Sizes, figures: dict[str, object]
) -> Result:
    base = middle(django.built)
    measured = {
        f"Attune, {WORKERS} workers: decide, render, hand over, record": [
            one.per_second for one in ours
        ],
        "the same with launch (segment, audience, plan)": [
            one.per_second_with_launch for one in ours
        ],
        f"{DJANGO}: the same subjects, HTML and text": django.built,
        "the same past its message class: finished bytes": django.finished,
    }
    rates = [
        (name, middle(values), spread(values), middle(values) / base)
        for name, values in measured.items()
    ]
    peaks = figures["worker_peak_bytes"]
    assert isinstance(peaks, list)
    facts: list[tuple[str, str | int]] = [
        ("mails a round: planned = sent = with receipt = at the sink", ours[0].mails),
        ("mails of a second run", str(figures["second_run_sent"])),
        ("HTML part, median bytes", sizes.html),
        ("text part, median bytes", sizes.text),
        ("whole mail, median bytes", sizes.whole),
        ("peak memory of a worker process, MB", f"{max(peaks, default=0) / machine.MEGABYTE:.0f}"),
    ]
    rate = middle([one.per_second for one in ours])
    return Result(
        figures={
            **figures,
            "per_second": rate,
            "ratio_to_django": round(rate / base, 2),
            "sizes": asdict(sizes),
        },
        tables=[
            Table(("end to end", "mails/s", "lowest–highest", "× Django"), rates),
            Table(("beside it", "figure"), facts),
        ],
        notes=[f"Medians of {ROUNDS} rounds taken in turns. {_by_django(figures['kept'])}"],
    )


def _by_django(kept: object) -> str:
    assert isinstance(kept, int)
    return f"Django sends {kept:,} mails ({min(kept, BUILT):,} where it builds the MIME)."
