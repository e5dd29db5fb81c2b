"""Ways to find products for a person: plug-ins behind one protocol."""
