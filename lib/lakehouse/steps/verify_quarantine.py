"""Compare the quarantine of a silver table with the rows that break its rules, and its payloads with bronze."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.contracts.tables import SilverTable
from lakehouse.quality.delivered import delivered_texts, filled, payload_texts
from lakehouse.quality.quarantine import BAD, quarantined_rows
from lakehouse.quality.rules import QUARANTINED
from lakehouse.steps.batches import Batch
from lakehouse.steps.proof import PLACE, Verification
from lakehouse.storage.keyed import ADDRESS, smaller_side
from lakehouse.storage.values import Values

_DELIVERED = "delivered"


def verify_quarantine(
    verification: Verification, table: SilverTable, batch: Batch, accepted: Sequence[tuple[date | None, int]]
) -> None:
    """Compare the rows that are kept out: which ones, whether people discarded them, and every reason."""
    register, chosen = verification.snapshot.register, verification.chosen
    judged = {
        (register.contents[outcome.sequence].delivery_date, outcome.sequence)
        for (owner, name), outcome in register.outcomes.items()
        if owner == table.id and outcome.state != "withdrawn" and name in chosen.ids
    }
    bad = batch.judged(sorted({*judged, *accepted}, key=str)).where(QUARANTINED)
    expected = quarantined_rows(bad, table, batch.bronze, "", "")
    found = _chosen(verification, _quarantine(verification, table)).where(F.col("status").isin(*BAD))
    columns = ("delivery_date", "quarantine_id", "status", _told("reasons"))
    frames = expected.select(*PLACE, *columns), found.select(*PLACE, *columns)
    verification.compare(f"quarantine {table.id}", frames, PLACE, verification.part())


def _told(reasons: str) -> Column:
    """Every reason as ``rule (value)``: what the contract says of a rule may have been reworded since."""

    def tell(reason: Column) -> Column:
        value = F.concat(F.lit(" ("), reason["value"], F.lit(")"))
        return F.concat(reason["rule"], F.coalesce(value, F.lit("")))

    return F.array_sort(F.transform(reasons, tell)).alias(reasons)


def verify_payloads(verification: Verification, table: SilverTable) -> None:
    """Look for the address of every quarantined row, closed ones too, in bronze, and compare what was delivered.

    Rows of contents that were removed from bronze have none there any more.

    Of a part of the deliveries only their payloads are compared, but all addresses are looked for.
    """
    gone = sorted(verification.snapshot.register.dropped)
    quarantine = _quarantine(verification, table).where(~F.col("delivery_sequence").isin(gone))
    bronze = verification.read(verification.work.lake.table(table.bronze))
    if not verification.chosen.everything:
        frames = _at(bronze, quarantine).select(*PLACE), quarantine.select(*PLACE)
        verification.compare(f"addresses in quarantine {table.id}", frames, PLACE)
        bronze, quarantine = _chosen(verification, bronze), _chosen(verification, quarantine)
    texts = filled(payload_texts(F.col("payload")))
    rows = _at(bronze, quarantine)
    frames = (
        rows.select(*PLACE, filled(delivered_texts(rows)).alias(_DELIVERED)),
        quarantine.select(*PLACE, texts.alias(_DELIVERED)),
    )
    verification.compare(f"payloads in quarantine {table.id}", frames, PLACE, verification.part())


def _at(bronze: DataFrame, quarantine: DataFrame) -> DataFrame:
    """The bronze rows at the addresses of quarantined ones."""
    addresses = quarantine.select(*ADDRESS).distinct()
    return bronze.join(smaller_side(addresses, quarantine.count()), list(ADDRESS), "left_semi")


def _quarantine(verification: Verification, table: SilverTable) -> DataFrame:
    return verification.read(verification.work.lake.quarantine(table.id))


def _chosen(verification: Verification, rows: DataFrame) -> DataFrame:
    """The rows of the chosen deliveries."""
    if verification.chosen.everything:
        return rows
    contents = verification.snapshot.register.contents.values()
    days = {delivery.delivery_date for delivery in contents if delivery.delivery_id in verification.chosen.ids}
    return rows.where(Values.days("delivery_date", days).chosen()).where(
        F.col("delivery_id").isin(*verification.chosen.ids)
    )
