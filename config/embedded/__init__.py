"""PostgreSQL and Valkey from wheels, run by our own supervisor while somebody uses them."""
