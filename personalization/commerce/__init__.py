"""Carts, wishlists and orders: what shops call their events, and the state they lead to."""
