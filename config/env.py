"""Read the environment; make development keys where the demo may, and fail loudly elsewhere."""

import base64
import json
import os
import secrets
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

from config import boot
from config.embedded.layout import var_folder

ROOT = Path(__file__).resolve().parent.parent
VAR = var_folder()

# Without the two URLs the embedded servers are started here, whoever reads the settings first.
boot.prepare()
env = environ.Env()
DEBUG: bool = env.bool("DEBUG", default=False)
# The demo and the tests run like production (no debug pages) but on generated keys.
DEMO: bool = env.bool("ATTUNE_DEMO", default="ATTUNE_EMBEDDED" in os.environ)


def _random_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


_MAKERS = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(50),
    "ATTUNE_ENCRYPTION_KEYS": lambda: "v1:" + _random_key(),
    "ATTUNE_BLIND_INDEX_KEY": _random_key,
    "ATTUNE_SUPPRESSION_KEY": _random_key,
    "ATTUNE_TOKEN_KEY": _random_key,
}


def _generated_keys() -> dict[str, str]:
    """Return the demo's keys, made once into `var/keys.json` (0600), safely when two start."""
    path = VAR / "keys.json"
    if not path.exists():
        VAR.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"keys.{os.getpid()}.json")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps({name: make() for name, make in _MAKERS.items()}, indent=1))
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    keys: dict[str, str] = json.loads(path.read_text())
    return keys


def secret(name: str) -> str:
    """Return a secret of the environment; only the demo and DEBUG may use a generated one."""
    given: str = env.str(name, default="")
    if given:
        return given
    if DEBUG or DEMO:
        return _generated_keys()[name]
    raise ImproperlyConfigured(
        f"{name} is not set. Set it in the environment (docs/configuration.md says how to make "
        "one), or set ATTUNE_DEMO=1 to try Attune on generated keys."
    )
