"""Hand finished emails to a provider and say what became of each."""
