"""How each kind of client writes an event: plain functions onto one form."""
