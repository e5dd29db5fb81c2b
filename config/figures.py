"""Figures of all web processes together: Prometheus asks one of them, each counts its own."""

import os
from collections.abc import Iterator
from pathlib import Path

from config.embedded.layout import var_folder

# Read by prometheus_client when it is imported.
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


def share() -> None:
    """Let this process count into files beside those of its siblings, whom one parent started."""
    if VARIABLE in os.environ:
        return
    folder = var_folder() / "figures" / str(os.getppid())
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.iterdir():
        if left != folder and not _is_alive(int(left.name)):
            _remove(left)
    os.environ[VARIABLE] = str(folder)


def shared() -> Path | None:
    """Return where the processes count, None where this one counts alone."""
    given = os.environ.get(VARIABLE)
    return Path(given) if given else None


def processes(folder: Path) -> dict[str, float]:
    """Return memory, processor time and open files of the processes that count there."""
    pids = {int(file.stem.rpartition("_")[2]) for file in folder.glob("*.db")}
    total = {"resident_memory_bytes": 0.0, "cpu_seconds": 0.0, "open_fds": 0.0}
    for each in map(_process, sorted(pids)):
        for name, value in each:
            total[name] += value
    return total


def _process(pid: int) -> Iterator[tuple[str, float]]:
    """Read one process as Linux shows it; whoever ended meanwhile has no figures."""
    try:
        # Behind the name, which may hold anything.
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(") ")[2].split()
        files = sum(1 for _ in (_PROC / str(pid) / "fd").iterdir())
    except OSError:
        return
    yield "cpu_seconds", (int(fields[11]) + int(fields[12])) / _TICKS
    yield "resident_memory_bytes", int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    yield "open_fds", files


def _is_alive(pid: int) -> bool:
    return (_PROC / str(pid)).exists() if _PROC.exists() else True


def _remove(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink(missing_ok=True)
    folder.rmdir()
