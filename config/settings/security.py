"""Keys, hosts, cookies and headers."""

from config.env import DEBUG, DEMO, env, secret

SECRET_KEY = secret("SECRET_KEY")
ATTUNE_ENCRYPTION_KEYS = secret("ATTUNE_ENCRYPTION_KEYS")
ATTUNE_BLIND_INDEX_KEY = secret("ATTUNE_BLIND_INDEX_KEY")
ATTUNE_SUPPRESSION_KEY = secret("ATTUNE_SUPPRESSION_KEY")
ATTUNE_TOKEN_KEY = secret("ATTUNE_TOKEN_KEY")

_LOCAL = ["127.0.0.1", "localhost", "[::1]", "testserver"]
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=_LOCAL if DEBUG or DEMO else [])
# The demo is served over plain HTTP on this machine; everywhere else cookies need TLS.
_TLS = not (DEBUG or DEMO)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _TLS
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=_TLS)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000 if _TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _TLS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    # For secrets of programs, which we make ourselves; never for what a person chose.
    "consent.oauth.RandomSecretHasher",
]
LOGIN_URL = "admin:login"
