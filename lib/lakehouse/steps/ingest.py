"""Ingest: new content of the landing zone into bronze, as delivered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import BronzeTable
from lakehouse.landing.listing import relist
from lakehouse.landing.news import Arrival, News, examine
from lakehouse.landing.seals import rows_contradiction
from lakehouse.landing.sniffing import Layout
from lakehouse.ledger.book import committed, table_version
from lakehouse.ledger.deliveries import Delivery, Register, delivery_row
from lakehouse.steps.drift import header_differences
from lakehouse.steps.summary import DeliverySummary, RunSummary
from lakehouse.steps.workspace import Workspace
from lakehouse.storage.asking import counts_by
from lakehouse.storage.values import Values


def ingest(work: Workspace, news: News, summary: RunSummary) -> None:
    """Take new and corrected deliveries into bronze and record them; note the unreadable ones with their reasons.

    An intent is recorded before and the outcome after the append.
    """
    register = work.ledger.deliveries()
    work.progress(f"reading {len(news.candidates)} delivered files")
    arrivals, judged = examine(news.candidates, work.domain, register, lambda: None, news.seals)
    _record_judged(work, judged, register, summary)
    out = [_entry(work, arrival, None) for arrival in arrivals if arrival.content.layout is None]
    readable = [arrival for arrival in arrivals if arrival.content.layout is not None]
    work.ledger.record("deliveries", [delivery_row(entry) for entry in out])
    for entry in out:
        summary.deliveries.append(DeliverySummary(str(entry.table), entry.delivery_id, entry.state, entry.reason))
    if readable:
        _take(work, readable, register, summary)


def _record_judged(work: Workspace, judged: Sequence[Delivery], register: Register, summary: RunSummary) -> None:
    """Record what was said anew of content that lies in bronze; nothing is told of files that were only touched."""
    entries = [
        replace(d, run_id=work.run_id, fingerprint=work.fingerprint(d.table)) if d.state == "unconfirmed" else d
        for d in judged
    ]
    work.ledger.record("deliveries", [delivery_row(entry) for entry in entries])
    for entry in entries:
        before = register.latest[entry.delivery_id].state
        if entry.state == "unconfirmed" or before == "unconfirmed":
            state, rows = ("unconfirmed", 0) if entry.state == "unconfirmed" else ("new", entry.rows or 0)
            summary.deliveries.append(
                DeliverySummary(str(entry.table), entry.delivery_id, state, entry.reason, rows_in=rows)
            )


def _take(work: Workspace, arrivals: Sequence[Arrival], register: Register, summary: RunSummary) -> None:
    _ = work.judging_spark  # what cannot be refined is not taken
    ordered = sorted(arrivals, key=lambda a: (str(a.file.delivery_date), a.file.delivery_id))
    sequences = range(register.last_sequence + 1, register.last_sequence + 1 + len(ordered))
    intents = [
        _same_content(_entry(work, arrival, sequence), register, ordered)
        for arrival, sequence in zip(ordered, sequences, strict=True)
    ]
    work.ledger.write_format()
    work.ledger.record("deliveries", [delivery_row(intent) for intent in intents])
    for table in work.domain.bronze():
        mine = [(a, i) for a, i in zip(ordered, intents, strict=True) if i.table == table.id]
        if mine:
            _append(work, table, mine)
            taken = _finish(work, table, [intent for _, intent in mine])
            corrected = {arrival.file.delivery_id for arrival, _ in mine if arrival.corrects}
            for delivery in taken:
                state = "corrected" if delivery.delivery_id in corrected else "new"
                summary.deliveries.append(
                    DeliverySummary(
                        str(table.id), delivery.delivery_id, state if delivery.state == "ingested" else delivery.state,
                        delivery.reason, rows_in=delivery.rows or 0,
                    )
                )  # fmt: skip
                same = delivery.details.get("same_content_as")
                summary.notes += [f"{delivery.delivery_id} holds the same content as {same}"] if same else []


def _same_content(delivery: Delivery, register: Register, arrivals: Sequence[Arrival]) -> Delivery:
    """The entry, with a note when another delivery of the same table holds the same content.

    Both are taken: their rows have the same keys, so that one of each pair is outranked by the other.
    """
    known = {d.delivery_id for d in register.current.values() if _twin(delivery, d.table, d.content_hash)}
    known |= {a.file.delivery_id for a in arrivals if _twin(delivery, a.file.table, a.content.content_hash)}
    others = sorted(known - {delivery.delivery_id})
    details = {**delivery.details, "same_content_as": others[0]} if others else delivery.details
    return replace(delivery, details=details)


def _twin(delivery: Delivery, table: TableId, content_hash: str) -> bool:
    return (table, content_hash) == (delivery.table, delivery.content_hash)


def _append(work: Workspace, table: BronzeTable, mine: Sequence[tuple[Arrival, Delivery]]) -> None:
    from lakehouse.steps.shapes import bronze_shape
    from lakehouse.storage.commits import append
    from lakehouse.storage.delivered_files import ReadableFile, read_deliveries
    from lakehouse.storage.tables import ensure_table

    files = []
    for arrival, intent in mine:
        layout, sequence = arrival.content.layout, intent.sequence
        assert layout is not None and sequence is not None
        files.append(ReadableFile(arrival.file, layout, sequence))
    shape = bronze_shape(table, work.lake)
    ensure_table(shape)
    with read_deliveries(work.spark, table, files) as rows:
        work.progress(f"{table.id}: writing {len(files)} deliveries")
        append(rows, shape.path, application=work.run_id)


def _finish(work: Workspace, table: BronzeTable, intents: Sequence[Delivery], late: bool = False) -> list[Delivery]:
    """Record what has arrived in bronze: the rows that are there now, unless the file changed while it was read."""
    counts = _rows_by_sequence(work, table.id, intents)
    finished = []
    for intent in intents:
        now = relist_delivery(intent)
        rows = counts.get(intent.sequence or 0, 0)
        contradiction = rows_contradiction(intent.details, intent.delivery_id, rows)
        # After a crash the file may have gone or changed since: what was read stands, and the change is news.
        if not late and now != (intent.size, intent.modified):
            reason = "the file changed while it was read; the next run takes it"
            finished.append(replace(intent, state="torn", rows=rows, reason=reason))
        elif contradiction:
            finished.append(replace(intent, state="unconfirmed", rows=rows, reason=contradiction))
        else:
            finished.append(replace(intent, state="ingested", rows=rows))
    work.ledger.record("deliveries", [delivery_row(delivery) for delivery in finished])
    version = table_version(work.lake.table(table.id))
    entry = {"run_id": work.run_id, "step": "ingest", "table_id": str(table.id), "version": version}
    work.ledger.record("publications", [{**entry, "fingerprint": work.fingerprint(table.id)}])
    return finished


def relist_delivery(delivery: Delivery) -> tuple[int, str] | None:
    """Size and time of a delivery's file as it is now; None when it is gone."""
    from lakehouse.landing.listing import LandedFile

    file = LandedFile(
        delivery.table, delivery.delivery_id, delivery.delivery_date, delivery.path, delivery.size, delivery.modified
    )
    now = relist(file)
    return (now.size, now.modified) if now else None


def _rows_by_sequence(work: Workspace, table: TableId, intents: Sequence[Delivery]) -> dict[int, int]:
    days = Values.days("delivery_date", (intent.delivery_date for intent in intents)).asked()
    mine = Values.numbers("delivery_sequence", (intent.sequence or 0 for intent in intents)).asked()
    found = counts_by(work.lake.table(table), ["delivery_sequence"], f"{days} AND {mine}")
    return {sequence: rows for (sequence,), rows in found.items()}


def finish_interrupted(work: Workspace) -> bool:
    """Complete the record of appends that a crash cut off from it, and of those that never came to be.

    Whether there were any. Before anybody decides anything: what a decision is about must not depend on the crash. An
    append is found by its transaction id; one that never happened is done again under a new sequence.
    """
    waiting = [delivery for delivery in work.ledger.deliveries().latest.values() if delivery.state == "ingesting"]
    for table in work.domain.bronze():
        mine = [delivery for delivery in waiting if delivery.table == table.id]
        landed = [d for d in mine if committed(work.lake.table(table.id), d.run_id)]
        if landed:
            work.progress(f"{table.id}: finishing {len(landed)} deliveries of an interrupted run")
            _finish(work, table, landed, late=True)
        reason = "a run ended before it had read the file"
        lost = [replace(d, state="torn", rows=0, reason=reason) for d in mine if d not in landed]
        work.ledger.record("deliveries", [delivery_row(delivery) for delivery in lost])
    return bool(waiting)


def _entry(work: Workspace, arrival: Arrival, sequence: int | None) -> Delivery:
    file, content = arrival.file, arrival.content
    return Delivery(
        table=file.table,
        delivery_id=file.delivery_id,
        delivery_date=file.delivery_date,
        sequence=sequence,
        state="ingesting" if sequence else "unconfirmed" if arrival.unconfirmed else "unreadable",
        path=file.path,
        size=file.size,
        modified=file.modified,
        content_hash=content.content_hash,
        fingerprint=work.fingerprint(file.table),
        rows=None,
        reason=content.reason,
        details=_details(content.layout, arrival, work.domain.bronze_table(file.table)),
        run_id=work.run_id,
    )


def _details(layout: Layout | None, arrival: Arrival, table: BronzeTable) -> dict[str, object]:
    reading = table.source.reading()
    details: dict[str, object] = {"reading": reading} if reading else {}
    if layout:
        details |= {"header": list(layout.header), "delimiter": layout.delimiter, "encoding": layout.encoding}
        differences = list(header_differences(table, layout.header))
        details |= {"drift": differences} if differences else {}
    if arrival.corrects:
        details["corrects"] = arrival.corrects.sequence
    if arrival.seal and arrival.seal.facts:
        details["manifest"] = dict(arrival.seal.facts)
    return details
