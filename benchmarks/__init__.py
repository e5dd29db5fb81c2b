"""What Attune does in a second, measured: `python -m benchmarks`."""
