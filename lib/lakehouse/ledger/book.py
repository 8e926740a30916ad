"""The ledger of one domain."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from deltalake import DeltaTable

from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.names import TableId
from lakehouse.errors import TableError
from lakehouse.ledger.commits import committing, named
from lakehouse.ledger.decisions import Decisions, decisions
from lakehouse.ledger.deliveries import Register, register
from lakehouse.ledger.entries import TABLES, Row, append, empty_commit, highest, newest_entry, open_table, read

FORMAT = 1
"""Version of the lake's layout; a lake of another version is refused."""

REFUSED = "refused"
"""Step of an entry that says what a computed table was made from when its gates refused it."""

LOST = "lost"
"""Step of an entry that says that a computed table is to be made as a whole: it, or what it is made from, was lost."""

NEVER_MADE = "not made"
"""The fingerprint of no contract."""

_NO_VERDICT = "the ledger keeps its verdict no longer"
"""In place of the reason of a refusal that is older than the ledger's verdicts."""

NO_DATA_OPERATIONS = {
    "OPTIMIZE", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES", "CHANGE COLUMN", "ADD COLUMN", "CREATE TABLE",
}  # fmt: skip
"""Delta operations after which every reader sees the same rows as before."""


@dataclass(frozen=True)
class Publication:
    """The newest record of a table being brought up to date."""

    table: TableId
    version: int | None
    """None when a gate refused the first that was made."""
    input_versions: Mapping[str, int]
    fingerprint: str
    rows: int | None


def publication_row(published: Publication, step: str, run_id: str) -> Row:
    """The ledger entry that says this of a table."""
    return {
        "run_id": run_id,
        "step": step,
        "table_id": str(published.table),
        "version": published.version,
        "input_versions": dict(published.input_versions),
        "fingerprint": published.fingerprint,
        "rows": published.rows,
    }


@dataclass(frozen=True)
class Ledger:
    """What was delivered, run, judged and published in one domain of a lake."""

    lake: Lake
    domain: str

    def deliveries(self) -> Register:
        """The state of all deliveries."""
        return register(self.rows("deliveries"), self.decisions())

    def decisions(self) -> Decisions:
        """What people have decided about deliveries and rows."""
        return decisions(self.rows("decisions"))

    def positions(self) -> dict[str, int]:
        """The newest entry of each ledger table."""
        return {table: newest_entry(self.lake.ledger(self.domain, table)) for table in TABLES}

    def deliveries_at(self, positions: Mapping[str, int]) -> Register:
        """The state of all deliveries when these were the newest entries."""
        rows, decided = (self._rows_until(table, positions) for table in ("deliveries", "decisions"))
        return register(rows, decisions(decided))

    def publications_at(self, positions: Mapping[str, int]) -> dict[TableId, Publication]:
        """Every table's newest publication when these were the newest entries."""
        return _publications(self._rows_until("publications", positions))

    def _rows_until(self, table: str, positions: Mapping[str, int]) -> list[Row]:
        return [row for row in self.rows(table) if row["entry"] <= positions.get(table, 0)]

    def publications(self) -> dict[TableId, Publication]:
        """Every table's newest publication."""
        return _publications(self.rows("publications"))

    def attempts(self) -> dict[TableId, Publication]:
        """The same, or what was made since and refused by a gate: what each table was last made from."""
        return _publications(self.rows("publications"), unended={"refining"})

    def made(self) -> tuple[dict[TableId, Publication], dict[TableId, Publication]]:
        """Attempts and publications, from one look."""
        rows = self.rows("publications")
        return _publications(rows, unended={"refining"}), _publications(rows)

    def refusals(self) -> dict[TableId, str]:
        """Computed tables of which a gate refused what was made last, and why.

        They are told as long as they stand, the reason as long as the ledger keeps the verdict.
        """
        newest = {row["table_id"]: row for row in self.rows("publications")}
        refused = {(row["table_id"], row["run_id"]) for row in newest.values() if row["step"] == REFUSED}
        found: dict[str, list[str]] = {table: [] for table, _ in refused}
        for row in self.rows("verdicts") if refused else []:
            if (row["table_id"], row["run_id"]) in refused and (row["passed"], row["severity"]) == ("no", "error"):
                found[row["table_id"]].append(row["reason"])
        return {TableId.parse(table): "; ".join(reasons) or _NO_VERDICT for table, reasons in found.items()}

    def rows(self, table: str) -> list[Row]:
        """All entries of a ledger table, oldest first."""
        return read(self.lake.ledger(self.domain, table), table)

    def record(self, table: str, rows: Sequence[Row]) -> None:
        """Append entries to a ledger table."""
        append(self.lake.ledger(self.domain, table), table, rows)

    def check_format(self) -> None:
        """Raise TableError when the domain was written in a layout that this version does not know."""
        path = self._format_file()
        if not path.is_file():
            return
        try:
            found: Any = json.loads(path.read_text("utf-8"))["format"]
        except (ValueError, KeyError, TypeError) as error:
            raise TableError(
                f"{path}: the lake's format cannot be read. It should say {json.dumps({'format': FORMAT})}; "
                "restore the file from a backup."
            ) from error
        if found != FORMAT:
            raise TableError(
                f"{path}: this lake has format {found}; this version of lakehouse reads and writes format {FORMAT}. "
                "Use the version that wrote it, or load the deliveries into a new lake."
            )

    def check_whole(self, bronze: Sequence[TableId]) -> None:
        """Raise TableError when entries are lost that were there once: by the newest run's note, or by bronze.

        Going on would number deliveries again that lie in bronze, and forget what people decided.
        """
        # Bronze first: a run that is at work numbers deliveries in the ledger before they lie there.
        sequences = {table: _newest_sequence(self.lake.table(table)) for table in bronze}
        ended = [row["summary"] for row in self.rows("runs") if (row["summary"] or {}).get("entries")]
        noted, found = (ended[-1]["entries"] if ended else {}), self.positions()
        lost = [f"'{name}' has {found[name]} of {entries} entries" for name, entries in noted.items()
                if found.get(name, 0) < entries]  # fmt: skip
        known = self.deliveries().last_sequence
        for table, newest in sequences.items():
            if newest > known:
                lost.append(f"{table} holds a delivery with sequence {newest}, and the ledger knows them up to {known}")
        if lost:
            raise TableError(
                f"The ledger of '{self.domain}' lags behind: {'; '.join(lost)}. Some of its files are lost, or an "
                "older copy is in their place. Nothing was changed. Restore "
                f"{self.lake.domain(self.domain)}/ledger from a backup, or move the whole lake aside and load it anew."
            )

    def write_format(self) -> None:
        """Note the layout's version, once."""
        path = self._format_file()
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Written aside and renamed: a crash leaves no half a file behind.
            aside = path.with_name(f"{path.name}.part")
            aside.write_text(json.dumps({"format": FORMAT}) + "\n", "utf-8")
            with committing(str(path), "write"):
                aside.replace(path)

    def _format_file(self) -> Path:
        return Path(self.lake.domain(self.domain)) / "format.json"


def check_logs(tables: Mapping[str, str]) -> None:
    """Raise TableError when the log of a table, given by name with its folder, has an emptied commit.

    A run would take its rows for gone, and maintenance its files for such that no version needs.
    """
    for name, path in tables.items():
        problem = empty_commit(path)
        if problem:
            raise damaged(name, problem, path)


def damaged(table: str, problem: str, path: str) -> TableError:
    """What is said of a table whose log is not whole."""
    return TableError(
        f"The log of {table} is damaged: {problem}. Nothing was changed. Restore the folder {path} from a backup, or "
        "move the whole lake aside and load it anew."
    )


def _publications(rows: Sequence[Row], unended: Collection[str] = ("refining", REFUSED)) -> dict[TableId, Publication]:
    newest = {}
    for row in rows:
        if row["step"] in unended:
            continue  # a beginning, or nothing that readers see
        table = TableId.parse(row["table_id"])
        newest[table] = Publication(table, row["version"], row["input_versions"] or {}, row["fingerprint"], row["rows"])
    return newest


def _newest_sequence(path: str) -> int:
    return highest(open_table(path), "delivery_sequence")


def table_version(path: str) -> int | None:
    """A Delta table's version, or None when there is no table; reads the log only."""
    table = open_table(path)
    return None if table is None else table.version()


def is_behind(path: str, version: int) -> bool:
    """Whether a table that once had this version is gone, or an older copy of it lies in its place."""
    now = table_version(path)
    return now is None or now < version


def partition_columns(path: str, version: int) -> list[str] | None:
    """The columns that a Delta table was partitioned by at a version; None when its log does not reach back so far."""
    try:
        return DeltaTable(path, version=version).metadata().partition_columns
    except Exception:  # what a missing log entry raises has no type of its own
        return None


def row_count(path: str) -> int:
    """Rows of a Delta table's newest version; reads the log only."""
    counts = DeltaTable(path).get_add_actions(flatten=True).column("num_records").to_pylist()
    return sum(int(count or 0) for count in counts)


def changed_since(path: str, version: int) -> bool:
    """Whether any commit after a version changed rows; compaction and vacuum do not."""
    return changed_between(path, version, DeltaTable(path).version())


def changed_between(path: str, after: int, until: int) -> bool:
    """Whether any commit after a version, up to another, changed rows; a table that was newer once has changed."""
    if until <= after:
        return until < after
    table = DeltaTable(path)
    newer = [commit for commit in table.history(table.version() - after) if after < commit["version"] <= until]
    # Entries that were cleaned from the log may have told of anything.
    return len(newer) < until - after or any(commit["operation"] not in NO_DATA_OPERATIONS for commit in newer)


def same_files(path: str, version: int | None) -> bool:
    """Whether a table has the files and columns of one of its versions; no files for the version None."""
    now = DeltaTable(path)
    if version is None:
        return not now.file_uris()
    then = DeltaTable(path, version=version)
    return set(now.file_uris()) == set(then.file_uris()) and now.schema() == then.schema()


def missing_files(path: str, version: int) -> str | None:
    """Why a version cannot be read any more; None when all its files are there."""
    try:
        files = DeltaTable(path, version=version).file_uris()
    except Exception as error:  # what a missing log entry raises has no type of its own
        entry = Path(path, "_delta_log", f"{version:020}.json")
        return str(error).splitlines()[0] if entry.exists() else "the table's log has no entry about it any more"
    gone = [uri for uri in files if "://" not in uri and not Path(unquote(uri)).exists() and not Path(uri).exists()]
    return f"{len(gone)} of its {len(files)} files are gone" if gone else None


def empty_table(path: str, run_id: str | None = None) -> None:
    """Remove all rows of a table, in one commit, which carries the run's id."""
    with committing(path, "delete"):
        DeltaTable(path).delete(commit_properties=named(run_id))


def restore_version(path: str, version: int, run_id: str | None = None) -> None:
    """Bring a table back to one of its versions, in one commit on the log, which carries the run's id."""
    with committing(path, "restore"):
        DeltaTable(path).restore(version, commit_properties=named(run_id))


def committed(path: str, application: str) -> bool:
    """Whether the append that carries this transaction id has reached a table."""
    table = open_table(path)
    return table is not None and table.transaction_version(application) is not None
