"""Run a safe pattern over a text in time that grows with the text alone."""

from personalization.conditions.pattern import Chain, Chars, Choice, Part, Pattern, Repeat

_MAX_CACHED = 5_000


class _State:
    """A set of places in the pattern, with the moves found so far."""

    __slots__ = ("is_final", "moves", "places")

    def __init__(self, places: frozenset[int], *, is_final: bool) -> None:
        self.places = places
        self.is_final = is_final
        self.moves: dict[str, _State] = {}


class Automaton:
    """Places joined by characters and free moves; sets of places are made states on demand."""

    def __init__(self, pattern: Pattern) -> None:
        self._free: list[list[int]] = []
        self._steps: list[tuple[Chars, int] | None] = []
        start = self._place()
        self._final = self._add(pattern.body, start=start)
        self._entry = self._closed({start})
        self._is_start_bound = pattern.is_start_bound
        self._is_end_bound = pattern.is_end_bound
        self._forget()

    def search(self, text: str) -> bool:
        """Is the pattern somewhere in the text (or at its bounds, where it says so)?"""
        state = self._state(self._entry)
        for char in text:
            if state.is_final and not self._is_end_bound:
                return True
            state = state.moves.get(char) or self._move(state, char=char)
        return state.is_final

    def _move(self, state: _State, *, char: str) -> _State:
        targets = {
            step[1]
            for place in state.places
            if (step := self._steps[place]) is not None and step[0].accepts(char)
        }
        places = self._closed(targets)
        if not self._is_start_bound:
            places |= self._entry
        self._cached += 1
        if self._cached > _MAX_CACHED:
            self._forget()
        following = self._state(places)
        state.moves[char] = following
        return following

    def _state(self, places: frozenset[int]) -> _State:
        known = self._states.get(places)
        if known is None:
            known = _State(places, is_final=self._final in places)
            self._states[places] = known
        return known

    def _forget(self) -> None:
        self._states: dict[frozenset[int], _State] = {}
        self._cached = 0

    def _closed(self, places: set[int]) -> frozenset[int]:
        reached = set(places)
        waiting = list(places)
        while waiting:
            for place in self._free[waiting.pop()]:
                if place not in reached:
                    reached.add(place)
                    waiting.append(place)
        return frozenset(reached)

    def _place(self) -> int:
        self._free.append([])
        self._steps.append(None)
        return len(self._free) - 1

    def _add(self, part: Part, *, start: int) -> int:
        """Lay the part from `start` on; answer where it ends."""
        match part:
            case Chars():
                end = self._place()
                self._steps[start] = (part, end)
                # A fresh place per character: a place has one step only.
                return self._freed(end)
            case Chain(parts=parts):
                for each in parts:
                    start = self._add(each, start=start)
                return start
            case Choice(options=options):
                end = self._place()
                for option in options:
                    self._free[self._add(option, start=self._freed(start))].append(end)
                return end
            case Repeat():
                return self._add_repeat(part, start=start)

    def _add_repeat(self, repeat: Repeat, *, start: int) -> int:
        for _ in range(repeat.low):
            start = self._add(repeat.part, start=start)
        if repeat.high is None:
            head = self._freed(start)
            self._free[self._add(repeat.part, start=self._freed(head))].append(head)
            return self._freed(head)
        end = self._place()
        self._free[start].append(end)
        for _ in range(repeat.high - repeat.low):
            start = self._add(repeat.part, start=self._freed(start))
            self._free[start].append(end)
        return end

    def _freed(self, place: int) -> int:
        """A new place reached from `place` without a character."""
        new = self._place()
        self._free[place].append(new)
        return new
