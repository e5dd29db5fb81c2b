"""Decide whom the rows of a batch mean: people known, people new, and who turns out to be one."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

EMAIL = "email"
EXTERNAL_ID = "external_id"
ANONYMOUS_ID = "anonymous_id"

BY_ADDRESS = "One event gave the number of one with the address of the other."
BY_ALIAS = "A source named the number of one as an earlier number of the other."

# Kind and blind index.
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Names:
    """How one incoming row names its person. `email` is normalised already, or empty.

    `previous_id` is who an alias says they were: an anonymous id, or an earlier number.
    """

    external_id: str = ""
    email: str = ""
    anonymous_id: str = ""
    previous_id: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A row's names as keys, with the values in clear; best first."""

    keys: Mapping[Key, str] = field(repr=False)
    previous: Mapping[Key, str] = field(default_factory=dict, repr=False)

    @property
    def better(self) -> list[Key]:
        """Names that are more than a browser: browsers are shared."""
        return [key for key in self.keys if key[0] != ANONYMOUS_ID]

    @property
    def anonymous(self) -> list[Key]:
        return [key for key in self.keys if key[0] == ANONYMOUS_ID]

    def __iter__(self) -> Iterator[Key]:
        yield from self.keys
        yield from self.previous


@dataclass(eq=False, slots=True)
class Person:
    """A row of the subjects, to be made where `pk` is None; `gains` are names still unknown."""

    pk: int | None = None
    # Whom this row is merged into, before or by this batch.
    into: "Person | None" = None
    # Has a number or an address, and is not to be merged into anybody without a human.
    is_known: bool = True
    is_erased: bool = False
    gains: dict[Key, str] = field(default_factory=dict, repr=False)

    @property
    def living(self) -> "Person":
        person = self
        while person.into is not None:
            person = person.into
        return person

    def gain(self, key: Key, value: str) -> None:
        self.gains[key] = value
        self.is_known = self.is_known or key[0] != ANONYMOUS_ID


@dataclass(frozen=True, slots=True)
class Joined:
    kept: Person
    absorbed: Person
    is_alias: bool


@dataclass(frozen=True, slots=True)
class Clash:
    """Two known customers whom a source calls one."""

    first: Person
    second: Person
    reason: str


def strictly(asked: Asked, *, known: dict[Key, Person]) -> Person | None:
    """Return the person of a row and note what it adds; `known` learns along.

    None where its names belong to two people. Nobody is joined: an anonymous id decides only
    where it is all there is.
    """
    owners = _owners(asked.better or asked.keys, known=known)
    if len(owners) > 1:
        return None
    person = owners[0] if owners else Person(is_known=bool(asked.better))
    _learn(asked.keys, person=person, known=known)
    return person


class Placing:
    """The same for events: visitors who say who they are join the customer they name.

    Known beats anonymous; a number beats an address, which beats an anonymous id. Only visitors
    without a number or an address join by themselves. Two customers never do: that is a clash,
    and the number decides whose event it is.
    """

    def __init__(self, known: dict[Key, Person], *, apart: Collection[tuple[int, int]]) -> None:
        self.known = known
        # Kept and absorbed, where a human parted them: they do not find together by themselves.
        self.apart = apart
        self.joined: list[Joined] = []
        self.clashes: list[Clash] = []

    def place(self, asked: Asked) -> Person:
        """Return the row a line of the batch names; what it stands for is its `living`."""
        named = self._named(asked)
        person = named.living
        for other in _owners(asked.better, known=self.known):
            self._clash(person, other, reason=BY_ADDRESS)
        _learn(asked.keys, person=person, known=self.known)
        if asked.better:
            for key in asked.anonymous:
                self._join(person, self.known[key].living)
        if asked.previous:
            self._note_alias(asked, person=person)
        return named

    def _named(self, asked: Asked) -> Person:
        for key in asked.better or asked.keys:
            if key in self.known:
                return self.known[key]
        # An earlier number makes this one a new name of that customer. An earlier visitor joins
        # the new customer instead; one who is somebody already says nothing: browsers are shared.
        telling = [key for key in asked.previous if not asked.better or key[0] == EXTERNAL_ID]
        earlier = _owners(telling, known=self.known)
        if earlier:
            return earlier[0]
        return Person(is_known=bool(asked.better))

    def _note_alias(self, asked: Asked, *, person: Person) -> None:
        earlier = [self.known[key] for key in asked.previous if key in self.known]
        if not earlier:
            # Events of that visitor may still be on their way.
            key, value = next((k, v) for k, v in asked.previous.items() if k[0] == ANONYMOUS_ID)
            _learn({key: value}, person=person, known=self.known)
        for key in asked.previous:
            if key not in self.known:
                continue
            person, other = person.living, self.known[key].living
            if person.is_known and other.is_known and key[0] == EXTERNAL_ID:
                self._clash(person, other, reason=BY_ALIAS)
            elif other.is_known and not person.is_known:
                self._join(other, person, is_alias=True)
            else:
                self._join(person, other, is_alias=True)

    def _join(self, kept: Person, absorbed: Person, *, is_alias: bool = False) -> None:
        if kept is absorbed or absorbed.is_known or kept.is_erased or absorbed.is_erased:
            return
        if kept.pk and absorbed.pk and (kept.pk, absorbed.pk) in self.apart:
            return
        absorbed.into = kept
        self.joined.append(Joined(kept=kept, absorbed=absorbed, is_alias=is_alias))

    def _clash(self, first: Person, second: Person, *, reason: str) -> None:
        if first is second or first.is_erased or second.is_erased:
            return
        self.clashes.append(Clash(first=first, second=second, reason=reason))


def _owners(keys: Iterable[Key], *, known: Mapping[Key, Person]) -> list[Person]:
    """Return the living people behind keys, each once, that of the best name first."""
    found = [known[key].living for key in keys if key in known]
    return list({id(person): person for person in found}.values())


def _learn(keys: Mapping[Key, str], *, person: Person, known: dict[Key, Person]) -> None:
    for key, value in keys.items():
        if key not in known:
            known[key] = person
            person.gain(key, value)
