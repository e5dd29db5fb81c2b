"""What comes back from a mail: opens, clicks, unsubscribes."""
