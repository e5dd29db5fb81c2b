"""Load and derive what is known about a batch of people."""
