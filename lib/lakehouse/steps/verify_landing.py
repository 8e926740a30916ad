"""Compare bronze with the files of the landing zone that are still there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.contracts.tables import BronzeTable
from lakehouse.landing.counting import count_records
from lakehouse.landing.listing import LandedFile, Listing, list_source, relist
from lakehouse.landing.news import is_unchanged
from lakehouse.landing.sniffing import Layout, sniff
from lakehouse.ledger.deliveries import Delivery
from lakehouse.quality.delivered import delivered_texts, nameless
from lakehouse.steps.proof import LandingProof, Verification
from lakehouse.steps.verify_bronze import Counts
from lakehouse.storage.delivered_files import ReadableFile, read_deliveries
from lakehouse.storage.values import Values

_KEYS = ("delivery_id", "record_number")
_DELIVERED = "delivered"


@dataclass(frozen=True)
class _Taken:
    """A file, and the content in bronze that was taken from it."""

    file: LandedFile
    delivery: Delivery
    layout: Layout

    @property
    def sequence(self) -> int:
        """Under which its rows lie in bronze."""
        return self.delivery.sequence or 0


def verify_landing(verification: Verification, counts: Counts) -> LandingProof:
    """Read the files of the chosen deliveries again: record by record, and once more with another reader that counts.

    Files that hold something else than what was taken are named, and are no differences: a run takes them.
    """
    found = LandingProof()
    for table in verification.work.domain.bronze():
        listing = list_source(verification.work.landing, table)
        taken = _taken(verification, table, listing, found)
        if taken:
            _compare(verification, table, taken)
            _count(verification, table, taken, counts, found)
    found.not_taken.sort()
    return found


def _taken(verification: Verification, table: BronzeTable, listing: Listing, found: LandingProof) -> list[_Taken]:
    register, chosen = verification.snapshot.register, verification.chosen
    contents: dict[str, list[Delivery]] = {}
    for delivery in register.contents.values():
        if delivery.table == table.id:
            contents.setdefault(delivery.delivery_id, []).append(delivery)
    taken = []
    for file in listing.files:
        if file.delivery_id not in chosen.ids:
            found.not_taken += [file.delivery_id] if _is_new(file, verification) else []
            continue
        verification.work.progress(f"{table.id}: reading {file.delivery_id}")
        one = _content(file, table, contents[file.delivery_id], verification)
        if one is None:
            found.not_taken.append(file.delivery_id)
        elif one.sequence in register.dropped:
            verification.proof.notes.append(
                f"{file.delivery_id}: the file holds a content that was removed from {table.id} since "
                "(maintain.drop_superseded_days); it was not compared"
            )
        else:
            taken.append(one)
    present = {file.delivery_id for file in listing.files}
    found.gone += len((contents.keys() & chosen.ids) - present)
    found.files += len(taken)
    return taken


def _is_new(file: LandedFile, verification: Verification) -> bool:
    """Whether a file that was never taken is among those that were asked for, and a run would look at it."""
    chosen, known = verification.chosen, verification.snapshot.register.latest.get(file.delivery_id)
    if chosen.seed is not None or not chosen.days.holds(file.delivery_date):
        return False
    return known is None or (known.sequence is None and not is_unchanged(file, known))


def _content(
    file: LandedFile, table: BronzeTable, contents: Sequence[Delivery], verification: Verification
) -> _Taken | None:
    """The newest content that was taken from a file; None when it holds something else now."""
    content = sniff(file, table)
    newest = sorted(contents, key=lambda delivery: delivery.sequence or 0, reverse=True)
    same = [delivery for delivery in newest if delivery.content_hash == content.content_hash]
    untouched = [delivery for delivery in newest if is_unchanged(file, delivery)]
    if not same and untouched:
        verification.proof.lost.append(
            f"{table.id}: {file.delivery_id}: the file has the size and time with which it was taken, "
            "but holds something else"
        )
    for delivery in (*same, *untouched):
        layout = _layout(delivery, content.layout)
        if layout is not None:
            return _Taken(file, delivery, layout)
    return None


def _layout(delivery: Delivery, now: Layout | None) -> Layout | None:
    """How a file was read when it was taken; the contract may say otherwise by now.

    The ledger does not keep how lines end, and whether the header is repeated: the file itself tells.
    """
    details = delivery.details
    if "header" not in details:
        return now
    taken = Layout(tuple(details["header"]), details["delimiter"], details["encoding"])
    return replace(taken, line_end=now.line_end, repeats_header=now.repeats_header) if now else taken


def _compare(verification: Verification, table: BronzeTable, taken: Sequence[_Taken]) -> None:
    work = verification.work
    work.progress(f"{table.id}: reading {len(taken)} files")
    files = [ReadableFile(one.file, one.layout, one.sequence) for one in taken]
    mine = F.col("delivery_sequence").isin([one.sequence for one in taken])
    days = Values.days("delivery_date", (one.delivery.delivery_date for one in taken)).chosen()
    bronze = verification.read(work.lake.table(table.id)).where(days).where(mine)
    # Under another contract the same text may have had another name.
    as_now = [one.sequence for one in taken if one.delivery.fingerprint == work.fingerprint(table.id)]
    with read_deliveries(work.spark, table, files) as landed:
        frames = _told(landed, as_now), _told(bronze, as_now)
        verification.compare(str(table.id), frames, _KEYS, f"{len(taken)} files of the landing zone")
    for one in taken:
        now = relist(one.file)
        if now is None or (now.size, now.modified) != (one.file.size, one.file.modified):
            verification.proof.notes.append(f"{one.file.delivery_id} changed while it was read: verify again")


def _told(rows: DataFrame, as_now: Sequence[int]) -> DataFrame:
    texts = delivered_texts(rows)
    told = F.when(F.col("delivery_sequence").isin(list(as_now)), texts).otherwise(nameless(texts))
    return rows.select(*_KEYS, "delivery_sequence", "delivery_date", told.alias(_DELIVERED))


def _count(
    verification: Verification, table: BronzeTable, taken: Sequence[_Taken], counts: Counts, found: LandingProof
) -> None:
    verification.work.progress(f"{table.id}: counting the records of {len(taken)} files with another reader")
    for one in taken:
        records = count_records(one.file, one.layout)
        there = counts[table.id].get(one.sequence, 0)
        found.records += records
        if records != there:
            verification.proof.lost.append(
                f"{table.id}: {one.file.delivery_id}: Python's csv module counts {records} records in the file, "
                f"{there} are in bronze"
            )
