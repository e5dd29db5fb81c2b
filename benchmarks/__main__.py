"""Measure what Attune does in a second, and print it as docs/benchmarks.md shows it.

    python -m benchmarks [--scale short|full] [NAME …]

Works in a database of its own (dropped at the end) on the embedded servers, or on those of
DATABASE_URL and REDIS_URL; the figures go to var/bench/NAME.json, too.
"""

import argparse
import signal
import sys
import time
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Protocol, cast

from benchmarks import ground, machine, receiver, report
from config.embedded.errors import EmbeddedError
from config.embedded.layout import var_folder
from config.processes import NotStarted

NAMES = (
    "loading",
    "importing",
    "sending",
    "web",
    "collector",
    "applying",
    "engine",
    "api",
    "traits",
    "conditions",
    "segments",
    "membership",
    "recommendations",
)


class Benchmark(Protocol):
    def measure(self, *, scale: str, port: int, people: int | None) -> report.Result: ...


def main() -> int:
    """Run the chosen benchmarks one after the other."""
    options = _options()
    signal.signal(signal.SIGTERM, _as_interrupt)
    port = receiver.free_port()
    try:
        with ground.laid(options.database, mail_port=port):
            for name in options.names or NAMES:
                _run(name, options=options, port=port)
    except (ground.NoGround, EmbeddedError, NotStarted) as error:
        sys.stderr.write(f"\n{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _run(name: str, *, options: argparse.Namespace, port: int) -> None:
    # By name and only now: models exist when the settings know their database.
    benchmark = cast("Benchmark", import_module(f"benchmarks.{name}"))
    print(f"\n## {name.capitalize()}\n", flush=True)
    now, started = datetime.now(UTC), time.monotonic()
    with ground.fresh_database():
        facts = machine.facts(now=now)
        result = benchmark.measure(scale=options.scale, port=port, people=options.people)
    seconds = round(time.monotonic() - started, 1)
    print(f"{machine.sentence(facts)} Scale {options.scale}, {seconds:.0f} s in all.\n")
    print(result, flush=True)
    content = {"name": name, "scale": options.scale, "seconds": seconds, "machine": facts}
    report.write(options.out / f"{name}.json", content={**content, **result.figures})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(NAMES)}")
    parser.add_argument("--scale", choices=("short", "full"), default="short")
    parser.add_argument("--people", type=int, help="another number of people than the scale's")
    parser.add_argument("--out", type=Path, default=var_folder() / "bench", help="for the JSON")
    parser.add_argument("--database", default=ground.PREFIX, help="made here and dropped again")
    options = parser.parse_args()
    if unknown := sorted({*options.names} - {*NAMES}):
        parser.error(f"there is no benchmark {unknown[0]}: choose from {', '.join(NAMES)}")
    return options


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
