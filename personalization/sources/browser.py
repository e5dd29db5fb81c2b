"""The script a website loads as /attune.js: read once, and made small without a build step."""

import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from django.contrib.staticfiles import finders

SOURCE = "attune/collector.js"
LARGEST_BYTES = 5_000

_COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)
# A text stays as it is; elsewhere a space next to a sign says nothing.
_SPACES = re.compile(r'("(?:[^"\\\n]|\\.)*")|\s*([-+*/%=<>!?:;,.(){}\[\]&|])\s*|\s+')


@dataclass(frozen=True, slots=True)
class Script:
    body: bytes
    etag: str


@cache
def script() -> Script:
    """Return what is served; its ETag changes with its content."""
    path = finders.find(SOURCE)
    if path is None:
        raise FileNotFoundError(f"{SOURCE} is in no folder of STATICFILES_DIRS")
    body = compact(Path(path).read_text(encoding="utf-8")).encode()
    return Script(body=body, etag=f'"{sha256(body).hexdigest()[:32]}"')


def compact(source: str) -> str:
    """Leave out comments and needless spaces; the source keeps to the rules in its first lines."""
    return _SPACES.sub(_kept, _COMMENT.sub("", source)).strip().replace(";}", "}")


def _kept(found: "re.Match[str]") -> str:
    return found[1] or found[2] or " "
