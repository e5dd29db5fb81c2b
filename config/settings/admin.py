"""The look of the admin (unfold): sidebar by task, colours, dashboard."""

UNFOLD: dict[str, object] = {"SITE_TITLE": "Attune", "SITE_HEADER": "Attune"}
