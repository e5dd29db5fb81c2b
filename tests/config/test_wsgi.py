"""The web process: what it prepares before the first request."""

import subprocess
import sys

ASK = """
import gc
from config import wsgi
print(gc.get_freeze_count() > 10_000, gc.get_threshold()[0] > 10_000)
"""


def test_the_web_process_rests_the_garbage_collector_as_workers_do() -> None:
    found = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)

    assert found.stdout.split() == ["True", "True"]
