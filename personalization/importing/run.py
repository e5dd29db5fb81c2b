"""Import one file as a job: customers, products or events, for real or as a dry run."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import orjson
from django.db import transaction

from consent import audit, jobs
from consent.models import Job
from personalization.importing import arrival, customers, events, products, readers, rejected
from personalization.importing.outcome import Loaded
from personalization.importing.rejected import RejectedRows
from personalization.importing.rows import Row, UnreadableError
from personalization.models import ImportRun, Source

DEFAULT_SOURCE = "import"
# So many new events make the planner's old figures useless.
ANALYSE_FROM = 10_000
_SHORT_NAME = re.compile(r"[-\w]{1,50}", re.ASCII)


class Loader(Protocol):
    def __call__(
        self,
        rows: Iterable[Row],
        *,
        source: Source,
        now: datetime,
        progress: jobs.Progress,
        rejected: RejectedRows,
        import_id: int | None = None,
    ) -> Loaded: ...


class Checker(Protocol):
    def __call__(
        self,
        rows: Iterable[Row],
        *,
        source: Source,
        now: datetime,
        progress: jobs.Progress,
        rejected: RejectedRows,
    ) -> Loaded: ...


@dataclass(frozen=True, slots=True)
class Kind:
    load: Loader
    check: Checker
    # A file without any of these columns is a file of something else.
    any_of: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    job: Job
    loaded: Loaded
    rejected_path: Path | None


@dataclass(frozen=True, slots=True)
class Work:
    """One file on its way through one job; without an import nothing is written."""

    kind: str
    path: Path
    source: Source
    job: Job
    now: datetime
    mapping: Mapping[str, str] = field(default_factory=dict)
    import_id: int | None = None


KINDS: Mapping[str, Kind] = {
    "customers": Kind(load=customers.load, check=customers.check, any_of=customers.REQUIRED),
    "products": Kind(load=products.load, check=products.check, any_of=products.REQUIRED),
    "events": Kind(load=events.load, check=events.check, any_of=events.REQUIRED),
}


def run(
    kind: str,
    *,
    path: Path,
    now: datetime,
    source_slug: str = DEFAULT_SOURCE,
    mapping: Mapping[str, str] | None = None,
    is_dry_run: bool = False,
    show: jobs.Show | None = None,
) -> Outcome:
    """Load a file, or only read it; an UnreadableError says why a file cannot be read (further)."""
    source = source_of_files(source_slug, is_dry_run=is_dry_run)
    what = "Check" if is_dry_run else "Import"
    job = jobs.create(f"import_{kind}", label=f"{what} {kind} from {path.name}"[:200])
    imported = None
    if not is_dry_run:
        imported = ImportRun.objects.create(
            kind=kind,
            source=source,
            state=ImportRun.State.LOADING,
            file_name=path.name[:200],
            size=path.stat().st_size if path.exists() else 0,
            mapping=dict(mapping or {}),
            load_job=job,
            began_at=now,
        )
    work = Work(
        kind=kind,
        path=path,
        source=source,
        job=job,
        now=now,
        mapping=mapping or {},
        import_id=imported.pk if imported else None,
    )
    return perform(work, show=show)


def source_of_files(slug: str, *, name: str = "", is_dry_run: bool = False) -> Source:
    """Return the source of a short name, made if there is none (a dry run stores none);
    UnreadableError where that cannot be one, or takes nothing in."""
    if not _SHORT_NAME.fullmatch(slug):
        raise UnreadableError(
            f"{slug[:60]!r} is no short name of a source: write up to 50 letters, digits, - and _"
        )
    known = Source.objects.filter(slug=slug).first()
    source = known or Source(slug=slug, name=name or slug)
    if source.kind == Source.Kind.SYSTEM:
        raise UnreadableError(f"{source.name} is Attune itself: name the source of the file")
    if not source.is_active:
        raise UnreadableError(
            f"The source {source.name} is switched off, so that nothing of it comes in: switch it "
            "on under Sources, or name another"
        )
    if known is None and not is_dry_run:
        source, _ = Source.objects.get_or_create(slug=slug, defaults={"name": source.name})
    return source


def perform(work: Work, *, show: jobs.Show | None = None) -> Outcome:
    """Do the work of one job; rows that are refused go to a file beside the imported one."""
    kind = KINDS[work.kind]
    loaded, refused = Loaded(), RejectedRows(rejected.path_for(work.path))
    with jobs.run(work.job, show=show) as progress:
        _check_columns(work.path, kind=kind, mapping=work.mapping)
        progress.expect(readers.expected(work.path))
        with RejectedRows(rejected.path_for(work.path), progress=progress) as refused:
            loaded = _loaded(work, kind=kind, progress=progress, rejected=refused)
        progress.result(**loaded.figures(), is_dry_run=work.import_id is None)
        if work.import_id is not None:
            _finish(work, import_id=work.import_id, loaded=loaded)
    return Outcome(job=work.job, loaded=loaded, rejected_path=refused.written)


def read_mapping(path: Path) -> dict[str, str]:
    """Read `{"column of the file": "our column"}`; "" leaves a column out."""
    try:
        found: Any = orjson.loads(path.read_bytes())
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror or error}") from error
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise UnreadableError(f"{path} is not JSON: {error.msg} ({where})") from error
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found.values()):
        raise UnreadableError(f'{path} is no mapping: write {{"column of the file": "our column"}}')
    named = [name for name in found.values() if name]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise UnreadableError(f"{path} maps two columns to {twice[0]!r}: leave one of them")
    return found


def _loaded(work: Work, *, kind: Kind, progress: jobs.Progress, rejected: RejectedRows) -> Loaded:
    rows = readers.read(work.path, mapping=work.mapping)
    if work.import_id is None:
        return kind.check(
            rows, source=work.source, now=work.now, progress=progress, rejected=rejected
        )
    return kind.load(
        rows,
        source=work.source,
        now=work.now,
        progress=progress,
        rejected=rejected,
        import_id=work.import_id,
    )


def _check_columns(path: Path, *, kind: Kind, mapping: Mapping[str, str]) -> None:
    given = readers.columns(path)
    if given is None:
        return
    absent = sorted(mapping.keys() - set(given))
    if absent:
        raise UnreadableError(f"{path} has no column {absent[0]!r}, which the mapping names")
    named = [mapping.get(name, name) for name in given]
    if not set(named) & set(kind.any_of):
        raise UnreadableError(
            f"{path} has no column {' or '.join(kind.any_of)}; it has {', '.join(given)}. "
            "Rename a column or give a --mapping"
        )
    twice = sorted({name for name in named if name and named.count(name) > 1})
    if twice:
        raise UnreadableError(f"{path} would have two columns {twice[0]!r}: change the mapping")


def _finish(work: Work, *, import_id: int, loaded: Loaded) -> None:
    if work.kind == "events" and loaded.loaded >= ANALYSE_FROM:
        events.refresh_statistics()
    with transaction.atomic():
        ImportRun.objects.filter(pk=import_id).update(
            state=ImportRun.State.LOADED, loaded_at=work.now
        )
        audit.note(f"import.{work.kind}", target=work.job, detail=loaded.figures())
        arrival.note(loaded, kind=work.kind, source=work.source, now=work.now)
