"""Write long arrays as the server reads them: the driver would look at each element alone."""

from collections.abc import Iterable, Sequence


def numbers(plain: Iterable[int]) -> str:
    """Write whole numbers as one array."""
    return "{" + ",".join(map(str, plain)) + "}"


def texts(plain: Sequence[str]) -> list[str] | str:
    """Write texts as one array; as they are, for the driver, where one has a mark of its own."""
    joined = '","'.join(plain)
    is_plain = joined.count('"') == 2 * (len(plain) - 1) and "\\" not in joined
    return f'{{"{joined}"}}' if plain and is_plain else list(plain)
