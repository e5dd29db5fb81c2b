"""Make, find and revoke keys for programs."""
