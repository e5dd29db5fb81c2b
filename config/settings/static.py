"""Static files, served by whitenoise from the same process."""

from config.env import DEBUG, DEMO, ROOT, VAR

STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
STATICFILES_DIRS = [ROOT / "templates" / "static"]
WHITENOISE_USE_FINDERS = DEBUG or DEMO
MEDIA_ROOT = VAR / "media"
