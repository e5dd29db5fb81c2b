"""What is wrong in a condition tree, and where."""


class TreeError(ValueError):
    """A fault at one place of the tree; the message says how to mend it."""

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        self.message = message
        super().__init__(f"{path or 'the condition'}: {message}")

    def below(self, prefix: str) -> "TreeError":
        """The same fault, seen from a document that holds the tree at `prefix`."""
        return TreeError(join(prefix, self.path), self.message)


def join(path: str, key: str) -> str:
    if not path or not key:
        return path or key
    return f"{path}{key}" if key.startswith("[") else f"{path}.{key}"
