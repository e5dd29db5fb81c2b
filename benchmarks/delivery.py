"""Mails a second over one open connection: Django's SMTP backend beside our pipelining client.

    python benchmarks/delivery.py [--mails 2000] [--rounds 3] [--bytes 15000]

Every client hands the same pre-rendered bytes to a server in its own process: the bare sink of
`benchmarks/sink.py`, then the catcher, which keeps each mail in a file.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import Message
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from django.conf import settings  # noqa: E402
from django.core.mail import EmailMessage  # noqa: E402
from django.core.mail.backends.smtp import EmailBackend  # noqa: E402

from campaigns.delivery.envelope import Envelope, Outcome  # noqa: E402
from campaigns.delivery.smtp import SmtpBackend  # noqa: E402
from campaigns.delivery.smtp_connection import Server  # noqa: E402
from consent.permission import Permission  # noqa: E402
