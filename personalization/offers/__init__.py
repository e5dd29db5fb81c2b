"""Offers: limits kept exactly, codes given once, and what follows where none is left."""
