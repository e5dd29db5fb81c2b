"""What was measured on: processor, versions, date, and how busy the machine was already."""

import os
import platform
import re
from datetime import datetime
from pathlib import Path

import redis
from django.conf import settings
from django.db import connection

MEGABYTE = 1024 * 1024


def facts(*, now: datetime) -> dict[str, object]:
    """Describe machine and servers, for the figures' company."""
    return {
        "date": now.date().isoformat(),
        "cores": os.cpu_count(),
        "processor": _processor(),
        "system": platform.platform(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "postgresql": _postgresql(),
        "redis": _redis(),
    }


def sentence(facts: dict[str, object]) -> str:
    """Say it in one line, as it stands above the tables."""
    return (
        f"Measured {facts['date']} on {facts['cores']} cores ({facts['processor']}), "
        f"Python {facts['python']}, PostgreSQL {facts['postgresql']}, {facts['redis']}; "
        f"load before the run {facts['load_before']}."
    )


def peak_memory_bytes(process: int) -> int | None:
    """Return the most memory a process ever held; None where there is no /proc."""
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return None
    match = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE)
    return int(match[1]) * 1024 if match else None


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    text = described.read_text() if described.exists() else ""
    match = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return " ".join((match[1] if match else platform.machine()).split())


def _postgresql() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return str(cursor.fetchone()[0]).split()[0]


def _redis() -> str:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        about = client.info("server")
    if "valkey_version" in about:
        return f"Valkey {about['valkey_version']}"
    return f"Redis {about['redis_version']}"
