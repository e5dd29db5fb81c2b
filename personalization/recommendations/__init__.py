"""What to show one person next: item-to-item neighbours, served with honest reasons."""
