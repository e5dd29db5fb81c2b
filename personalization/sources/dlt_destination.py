"""Scheduled pulls by dlt (extra `pipelines`): its rows go through the same upserts as files."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import dlt
from django.conf import settings
from django.db import connection
from dlt.common.schema import TTableSchema

from consent import jobs
from consent.models import Job
from personalization.importing import arrival
from personalization.importing.outcome import Loaded
from personalization.importing.rejected import RejectedRows
from personalization.importing.rows import Row
from personalization.importing.run import KINDS, source_of_files
from personalization.models import Source

BATCH_ROWS = 1000
# What dlt adds to a name: the type that its first rows did not have.
_VARIANT = re.compile(
    "(__|▶)v_(text|double|bool|timestamp|bigint|binary|json|decimal|wei|date|time)$"
)
_OURS = "customers, products, events"


class UnknownTable(Exception):
    """A resource that is called like none of our tables."""


@dataclass(slots=True)
class _Writer:
    """Writes batches one after the other; dlt calls it from a thread of its own."""

    source: Source
    now: datetime
    progress: jobs.Progress
    rejected: RejectedRows
    mappings: Mapping[str, Mapping[str, str]]
    total: Loaded = field(default_factory=Loaded)

    def write(self, items: Sequence[Mapping[str, Any]], *, table: str) -> None:
        if table not in KINDS:
            raise UnknownTable(f"{table!r} is none of {_OURS}: name the resource like one of them")
        try:
            loaded = KINDS[table].load(
                self._rows(items, mapping=self.mappings.get(table, {})),
                source=self.source,
                now=self.now,
                progress=self.progress,
                rejected=self.rejected,
            )
            arrival.note(loaded, kind=table, source=self.source, now=self.now)
            self.total += loaded
        finally:
            # The thread ends without Django knowing.
            connection.close()

    def _rows(
        self, items: Sequence[Mapping[str, Any]], *, mapping: Mapping[str, str]
    ) -> Iterable[Row]:
        for place, item in enumerate(items, start=self.progress.job.done + 1):
            # A value of another type than the first rows had stands in a column of its own.
            whole = {
                _VARIANT.sub("", name): value for name, value in item.items() if value is not None
            }
            named = {mapping.get(name, name): value for name, value in whole.items()}
            named.pop("", None)
            yield Row(line=place, values=named)


def pull(
    data: object,
    *,
    name: str,
    source: Source,
    now: datetime,
    mappings: Mapping[str, Mapping[str, str]] | None = None,
) -> Job:
    """Run a dlt source or resource as a job; `name` keeps its place for incremental pulls.

    Resources are called customers, products or events. `mappings` gives, by resource, their
    column and ours. Rows that cannot be taken are errors of the job; the rest is loaded. From a
    source that is switched off nothing is pulled (UnreadableError).
    """
    source = source_of_files(source.slug)
    job = jobs.create("pull", label=f"Pull {name} into {source.name}"[:200])
    with jobs.run(job) as progress, RejectedRows(progress=progress) as rejected:
        writer = _Writer(
            source=source,
            now=now,
            progress=progress,
            rejected=rejected,
            mappings=mappings or {},
        )
        _pipeline(name, writer=writer).run(data).raise_on_failed_jobs()
        progress.result(**writer.total.figures())
    return job


def _pipeline(name: str, *, writer: _Writer) -> Any:
    folder = settings.ATTUNE_VAR / "pipelines"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Nothing is told to anybody about what runs here.
    dlt.config["runtime.dlthub_telemetry"] = False
    # What was loaded is thrown away: it may be people, in clear.
    dlt.config["load.delete_completed_jobs"] = True

    # dlt hangs its settings onto it, so it has to be a plain function.
    def write(items: Any, table: TTableSchema) -> None:
        writer.write(items, table=str(table["name"]))

    destination = dlt.destination(
        write,
        name="attune",
        batch_size=BATCH_ROWS,
        naming_convention="direct",
        skip_dlt_columns_and_tables=True,
        max_table_nesting=0,
        max_parallel_load_jobs=1,
        loader_parallelism_strategy="sequential",
    )
    return dlt.pipeline(name, pipelines_dir=str(folder), destination=destination)
