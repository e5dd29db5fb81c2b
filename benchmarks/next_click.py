"""VMIS-kNN on the example clicks of bolcom/serenade, beside what its README publishes.

    python -m benchmarks.next_click example.zip

Each click of a test session is foretold from those before it; the item clicked last is left out.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from benchmarks import report
from personalization.recommendations import vmis

SIZE = 20


@dataclass(frozen=True, slots=True)
class Setting:
    m: int
    k: int
    last: int
    published: float


# Their tuned values, and those of the example they ship.
SETTINGS = (Setting(1502, 288, 4, 0.3401), Setting(500, 50, 2, 0.3277))


@dataclass(frozen=True, slots=True)
class Clicks:
    sessions: vmis.Sessions
    places: dict[int, int]
    test: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Found:
    count: int
    hit_rate: float
    reciprocal_rank: float
    milliseconds: NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, metavar="example.zip")
    clicks = read(parser.parse_args().source)
    rows: list[tuple[report.Cell, ...]] = []
    for setting in SETTINGS:
        found = measure(clicks, setting)
        rows.append(
            (
                f"m {setting.m}, k {setting.k}, last {setting.last}",
                f"{setting.published:.4f}",
                f"{found.reciprocal_rank:.4f}",
                f"{found.hit_rate:.4f}",
                found.count,
                f"{np.percentile(found.milliseconds, 50):.2f}",
                f"{np.percentile(found.milliseconds, 99):.2f}",
            )
        )
    head = ("", "MRR@20 published", "MRR@20 ours", "HR@20", "clicks", "p50 ms", "p99 ms")
    print(report.Table(head, rows))


def read(source: Path) -> Clicks:
    with ZipFile(source) as archive:
        train, test = (_table(archive, name) for name in ("train.txt", "test.txt"))
    ids, items = np.unique(train[:, 1].astype(np.int64), return_inverse=True)
    sessions = vmis.fit(
        train[:, 0].astype(np.int64),
        items=items.astype(np.int64),
        times=train[:, 2],
        item_count=len(ids),
        most=max(setting.m for setting in SETTINGS),
    )
    places = {item: place for place, item in enumerate(ids.tolist())}
    return Clicks(sessions=sessions, places=places, test=test)


def measure(clicks: Clicks, setting: Setting) -> Found:
    ranks, times = [], []
    for seen, wanted in _questions(clicks.test):
        recent = [clicks.places[item] for item in seen[: setting.last] if item in clicks.places]
        started = time.perf_counter()
        items, scores = vmis.score(clicks.sessions, clicks=recent, m=setting.m, k=setting.k)
        scores = np.where(items == clicks.places.get(seen[0], -1), -1.0, scores)
        best = items[np.lexsort((items, -scores))[:SIZE]].tolist()
        times.append(1000 * (time.perf_counter() - started))
        place = clicks.places.get(wanted, -1)
        ranks.append(1 / (best.index(place) + 1) if place in best else 0.0)
    return Found(
        count=len(ranks),
        hit_rate=float(np.mean([rank > 0 for rank in ranks])),
        reciprocal_rank=float(np.mean(ranks)),
        milliseconds=np.array(times),
    )


def _questions(test: NDArray[np.float64]) -> Iterator[tuple[list[int], int]]:
    """Yield what was clicked so far, newest first, and the click after it."""
    for session in np.unique(test[:, 0]):
        rows = test[test[:, 0] == session]
        items = rows[np.argsort(rows[:, 2], kind="stable"), 1].astype(np.int64).tolist()
        for place in range(1, len(items)):
            yield items[:place][::-1], items[place]


def _table(archive: ZipFile, name: str) -> NDArray[np.float64]:
    (path,) = (each for each in archive.namelist() if each.endswith(name))
    return np.loadtxt(BytesIO(archive.read(path)), skiprows=1, dtype=np.float64)


if __name__ == "__main__":
    main()
