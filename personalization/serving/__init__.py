"""Answer mail providers at send time: who is meant, what each slot says, once for each message."""
