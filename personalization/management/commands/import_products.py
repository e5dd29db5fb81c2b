"""Load the catalogue from a CSV, JSON lines or Parquet file; a second run changes nothing."""

from personalization.management.commands._import_command import ImportCommand


class Command(ImportCommand):
    help = __doc__ or ""
    kind = "products"
