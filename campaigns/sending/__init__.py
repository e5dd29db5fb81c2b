"""Plan, claim, decide, render, hand over, record; and find out what became of doubtful ones."""
