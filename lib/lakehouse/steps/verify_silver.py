"""Compare a silver table, and those beside it, with what bronze makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import SilverTable
from lakehouse.quality.quarantine import BAD
from lakehouse.quality.rules import QUARANTINED
from lakehouse.steps.batches import Batch
from lakehouse.steps.proof import PLACE, Picture, Verification
from lakehouse.steps.shapes import keyed_table
from lakehouse.steps.verify_bronze import Counts, places, unconserved
from lakehouse.steps.verify_quarantine import verify_payloads, verify_quarantine
from lakehouse.storage.differences import alike
from lakehouse.storage.keyed import ADDRESS, KeyedTable
from lakehouse.storage.values import Values
from lakehouse.storage.winners import settled

Addresses = Sequence[tuple[date | None, int]]
"""(delivery date, sequence) of deliveries."""


@dataclass(frozen=True)
class _Part:
    """Some keys of a table: all good rows that they have, and what is published and lies beside of them."""

    rows: DataFrame
    published: DataFrame
    aside: DataFrame
    keys: DataFrame | None
    """None for all keys."""


def verify_silver(verification: Verification, table: SilverTable, counts: Counts) -> dict[TableId, Picture]:
    """Compare a silver table, its outranked and its quarantined rows; count the rows of all its deliveries.

    Returns the table as it should be and, when all of it was compared, the rows beside it.
    """
    work = verification.work
    keyed = keyed_table(table, work.lake)
    bronze = work.domain.bronze_of(table)
    path = work.lake.table(bronze.id)
    decided = verification.snapshot.register.decisions.of_rows(table.id)
    batch = Batch(work.judging_spark, table, bronze, path, verification.snapshot.versions[path], decided)
    accepted = _accepted(verification, table)
    mine = [place for place, name in accepted.items() if name in verification.chosen.ids]
    work.progress(f"{table.id}: computing {len(mine)} deliveries again")
    part = _whole(verification, keyed, batch, mine) if verification.chosen.everything else _part(
        verification, keyed, batch, mine, [*accepted]
    )  # fmt: skip
    expected = settled(part.rows, keyed)
    verification.keep(expected.basis)
    name = f"{part.keys.count()} keys" if part.keys is not None else ""
    verification.compare(str(table.id), (expected.published, part.published), keyed.row_keys, name)
    verification.compare(f"outranked {table.id}", (expected.aside, part.aside), PLACE, name)
    verify_quarantine(verification, table, batch, mine)
    verify_payloads(verification, table)
    published, aside = verification.read(keyed.path), verification.read(keyed.outranked_path)
    quarantined = verification.read(work.lake.quarantine(table.id)).where(F.col("status").isin(*BAD))
    verification.proof.lost += unconserved(
        table.id,
        verification.snapshot.register,
        counts.get(bronze.id, {}),
        places(keyed, published, aside, quarantined),
    )
    verification.proof.deliveries += len(accepted)
    if part.keys is None:
        return {table.id: Picture(expected.published), table.id.beside: Picture(expected.aside)}
    others = alike(published, expected.published).join(part.keys, list(keyed.keys), "left_anti")
    region = expected.published.unionByName(alike(part.published, expected.published))
    return {table.id: Picture(others.select(keyed.columns).unionByName(expected.published), region)}


def _accepted(verification: Verification, table: SilverTable) -> dict[tuple[date | None, int], str]:
    """(Delivery date, sequence) and id of every accepted content."""
    register = verification.snapshot.register
    outcomes = [outcome for (owner, _), outcome in register.published.items() if owner == table.id]
    return {(register.contents[o.sequence].delivery_date, o.sequence): o.delivery_id for o in outcomes}


def _whole(verification: Verification, keyed: KeyedTable, batch: Batch, mine: Addresses) -> _Part:
    rows = batch.good(mine, keyed.row_columns)
    return _Part(rows, verification.read(keyed.path), verification.read(keyed.outranked_path), None)


def _part(verification: Verification, keyed: KeyedTable, batch: Batch, mine: Addresses, accepted: Addresses) -> _Part:
    """The keys that rows of the chosen deliveries have, in bronze or in the tables, with all their contenders.

    Which other deliveries have rows with these keys is told by the tables; that no delivery lost a row there is told
    by its count. What these rows are is computed from bronze, at their addresses only.
    """
    register = verification.snapshot.register
    own = [sequence for sequence, d in register.contents.items() if d.delivery_id in verification.chosen.ids]
    rows = verification.keep(batch.good(mine, keyed.row_columns))
    tables = [verification.read(path) for path in (keyed.path, keyed.outranked_path)]
    narrow = [*keyed.keys, *(name for name in keyed.partition_by if name not in keyed.keys)]
    is_own = F.col("delivery_sequence").isin(own)
    touched = [rows.select(*narrow), *(found.where(is_own).select(*narrow) for found in tables)]
    places = verification.keep(reduce(DataFrame.unionByName, touched).distinct())
    keys = places.select(*keyed.keys).distinct()
    for name in keyed.partition_by:
        texts = [row[0] for row in places.select(F.col(name).cast("string")).distinct().collect()]
        values = Values.of(name, keyed.shape.columns[name][0], texts)
        tables = [found.where(values.chosen()) for found in tables]
    published, aside = (found.join(keys, list(keyed.keys), "left_semi") for found in tables)
    others = [found.where(~is_own).select(*ADDRESS) for found in (published, aside)]
    addresses = verification.keep(reduce(DataFrame.unionByName, others).distinct())
    sequences = {row[0] for row in addresses.select("delivery_sequence").distinct().collect()}
    theirs = batch.judged([place for place in accepted if place[1] in sequences], addresses)
    contenders = theirs.where(f"NOT {QUARANTINED}").select(keyed.row_columns).join(keys, list(keyed.keys), "left_semi")
    return _Part(rows.unionByName(contenders), published, aside, keys)
