"""Shops, CRMs and signed webhooks: verified at the door, stored once, worked on later."""
