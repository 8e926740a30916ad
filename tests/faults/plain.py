"""What counts, told the plain way: contents of deliveries, what people decided about them, and what gates let through.

This is the promise of invariant 1 without an engine: no versions, no merges, no order of arrival but that of contents.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

Row = TypeVar("Row", bound=Hashable)


@dataclass(eq=False)
class Content(Generic[Row]):
    """One content of a delivery, and what was decided about it."""

    rows: tuple[Row, ...]
    patched: dict[int, Row] = field(default_factory=dict)
    """By record number: the row that stands in for the delivered one."""
    discarded: set[int] = field(default_factory=set)
    accepted: bool = False
    """Whether a person lets it through whatever the gates say."""

    def effective(self) -> Iterator[tuple[int, Row]]:
        """Record numbers and rows with the patches in them."""
        for number, row in enumerate(self.rows, start=1):
            yield number, self.patched.get(number, row)


@dataclass(eq=False)
class History(Generic[Row]):
    """All contents of one delivery."""

    day: str
    contents: list[Content[Row]] = field(default_factory=list)
    retracted: int = 0
    """So many of the oldest contents do not count."""
    visible: Content[Row] | None = None
    """What readers see: the newest content that gates let through."""
    seen: Content[Row] | None = None
    """What readers saw last; it counts while no newer one is let through."""

    @property
    def current(self) -> Content[Row] | None:
        """The content that counts."""
        return self.contents[-1] if len(self.contents) > self.retracted else None

    @property
    def standing(self) -> list[Content[Row]]:
        """Contents whose bad rows are somebody's business."""
        both = [self.visible, self.current]
        return [content for number, content in enumerate(both) if content and content not in both[:number]]


class Placed(NamedTuple, Generic[Row]):
    """A good row that counts, with its address."""

    day: str
    delivery_id: str
    number: int
    row: Row


class BadRow(NamedTuple):
    """The address of a row that is kept out, and whether it is open or discarded."""

    delivery_id: str
    number: int
    status: str


@dataclass
class Plain(Generic[Row]):
    """A domain with one bronze and one silver table."""

    broken: Callable[[Row, int], bool]
    """Whether a row breaks a rule, under a contract with this limit."""
    share: float
    """A delivery with a greater share of open bad rows is refused."""
    limit: int
    histories: dict[str, History[Row]] = field(default_factory=dict)

    def take(self, delivery_id: str, day: str, rows: Sequence[Row]) -> None:
        """A delivery has landed: its content is new, or the one that was taken last."""
        history = self.histories.setdefault(delivery_id, History(day))
        if not history.contents or history.contents[-1].rows != tuple(rows):
            history.contents.append(Content(tuple(rows)))

    def judge(self) -> None:
        """Let the newest content through that passes, or the one that readers saw last; both go while they fail."""
        for history in self.histories.values():
            seen = history.seen
            if seen and history.contents.index(seen) < history.retracted:
                seen = None
            found = [content for content in (history.current, seen) if content and self.passes(content)]
            history.visible = found[0] if found and history.current else None
            history.seen = history.visible or history.seen

    def passes(self, content: Content[Row]) -> bool:
        """Whether gates, or a person, let a content through."""
        speaking = sum(1 for number, _ in self._bad(content) if number not in content.discarded)
        return content.accepted or speaking / len(content.rows) <= self.share

    def is_bad(self, content: Content[Row], number: int) -> bool:
        """Whether a row of a content is kept out."""
        return number in {bad for bad, _ in self._bad(content)}

    def _bad(self, content: Content[Row]) -> Iterator[tuple[int, Row]]:
        for number, row in content.effective():
            if number in content.discarded or self.broken(row, self.limit):
                yield number, row

    def refused(self, delivery_id: str) -> bool:
        """Whether the content that counts is kept out by its gates."""
        history = self.histories[delivery_id]
        return history.current is not None and history.current is not history.visible

    def good(self) -> list[Placed[Row]]:
        """The good rows of all that readers see."""
        found = []
        for delivery_id, history in sorted(self.histories.items()):
            if history.visible:
                bad = {number for number, _ in self._bad(history.visible)}
                rows = history.visible.effective()
                found += [Placed(history.day, delivery_id, number, row) for number, row in rows if number not in bad]
        return found

    def bad(self) -> list[BadRow]:
        """The rows that are kept out, of contents that count or are seen."""
        return sorted(
            BadRow(delivery_id, number, "discarded" if number in content.discarded else "open")
            for delivery_id, history in self.histories.items()
            for content in history.standing
            for number, _ in self._bad(content)
        )

    def open_rows(self) -> list[tuple[str, Content[Row], int]]:
        """Rows that people may patch or discard."""
        return [
            (delivery_id, content, number)
            for delivery_id, history in sorted(self.histories.items())
            for content in history.standing
            for number, _ in self._bad(content)
            if number not in content.discarded
        ]
