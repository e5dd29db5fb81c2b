"""Shops and CRMs: webhooks that are verified, kept once, and turned into what we know."""
