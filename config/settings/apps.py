"""Installed apps, middleware, templates, language and time."""

from config.env import DEBUG as DEBUG
from config.env import DEMO, ROOT, VAR, env

ATTUNE_DEMO = DEMO
ATTUNE_VAR = VAR
# Where processes unpack recommendation models, to share them.
ATTUNE_MODELS = VAR / "models"

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "config.pages.PagesConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django_prometheus",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "oauth2_provider",
    "consent",
    "personalization",
    "campaigns",
]
MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
# What answers to programs alone does without (config.doors).
ATTUNE_PAGES_ONLY = [
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

# Who wrote a version may not put it live alone.
ATTUNE_FOUR_EYES = env.bool("ATTUNE_FOUR_EYES", default=False)
# How many capped mails one person may get in a week.
ATTUNE_WEEKLY_LIMIT = env.int("ATTUNE_WEEKLY_LIMIT", default=4)
# How long a decision can be explained and replayed.
ATTUNE_RECEIPT_DAYS = env.int("ATTUNE_RECEIPT_DAYS", default=90)
# How many requests a web process answers at once; each thread keeps a database connection.
ATTUNE_WEB_THREADS = env.int("ATTUNE_WEB_THREADS", default=3)
# How large a file may be that is uploaded for an import.
ATTUNE_IMPORT_LIMIT_MB = env.int("ATTUNE_IMPORT_LIMIT_MB", default=500)
