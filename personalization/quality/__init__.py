"""How good the incoming data is: volume, lag, faults, drift, silence."""
