"""PostgreSQL: the server of `DATABASE_URL`, which is the embedded one where none is given."""

from config.env import env

DATABASES = {"default": env.db_url("DATABASE_URL")}
# The same backend, counting queries and errors for /metrics.
DATABASES["default"]["ENGINE"] = "django_prometheus.db.backends.postgresql"
# A new connection plans all statements anew: 30 ms of the server's time.
DATABASES["default"]["CONN_MAX_AGE"] = 600
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"].setdefault("OPTIONS", {})["connect_timeout"] = 5
# The planner compiles our many-partition queries for longer than they run (measured: 10 times).
# Statements of consent.statements keep the plan they were given at first.
DATABASES["default"]["OPTIONS"].setdefault(
    "options", "-c jit=off -c plan_cache_mode=force_generic_plan"
)
