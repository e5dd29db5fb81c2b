"""Pages and endpoints outside the admin."""
