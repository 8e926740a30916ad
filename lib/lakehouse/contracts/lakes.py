"""Where the tables of a lake lie."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse.contracts.names import TableId
from lakehouse.contracts.places import absolute


@dataclass(frozen=True)
class Lake:
    """A lake's root: an absolute folder, or the URI of an object store."""

    root: str

    @classmethod
    def at(cls, place: str) -> Lake:
        """A lake at a folder (relative ones are made absolute) or URI."""
        return cls(absolute(place))

    @property
    def local(self) -> bool:
        """Whether the lake is on a disk of this machine."""
        return "://" not in self.root

    def table(self, table: TableId) -> str:
        """Folder of a table."""
        return f"{self.root}/{table.path}"

    def outranked(self, table: TableId) -> str:
        """Folder of the rows that lost their key."""
        return f"{self.root}/{table.outranked_path}"

    def quarantine(self, table: TableId) -> str:
        """Folder of the rows that broke a rule."""
        return f"{self.root}/{table.quarantine_path}"

    def domain(self, domain: str) -> str:
        """Folder of a domain."""
        return f"{self.root}/{domain}"

    def ledger(self, domain: str, table: str) -> str:
        """Folder of a ledger table."""
        return f"{self.root}/{domain}/ledger/{table}"

    def log(self, domain: str, run_id: str) -> str:
        """The file that a run's log is kept in."""
        return f"{self.root}/{domain}/logs/{run_id}.jsonl"
