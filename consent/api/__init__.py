"""What every JSON API of ours shares: keys and their scopes."""
