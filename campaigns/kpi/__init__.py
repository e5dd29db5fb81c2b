"""Results, defined once (docs/kpi.md)."""
