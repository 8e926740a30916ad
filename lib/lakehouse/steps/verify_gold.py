"""Compare computed tables with what their inputs make them."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import GoldTable
from lakehouse.contracts.writes import ReplacePeriods
from lakehouse.steps.aggregate import computed, within_periods
from lakehouse.steps.proof import Picture, Verification
from lakehouse.storage.differences import alike
from lakehouse.storage.values import Values


def verify_gold(verification: Verification, pictures: Mapping[TableId, Picture]) -> None:
    """Compare every table that is computed from others, inputs first.

    Of a part of the deliveries those periods are compared that their rows touch; tables that are made as a whole are
    left out then.
    """
    known = dict(pictures)
    refused = verification.work.ledger.refusals()
    for table in verification.work.domain.gold():
        unknown = [str(source) for source in table.inputs.values() if source not in known]
        if unknown:
            verification.leave_out(table.id, f"it is made from {', '.join(unknown)}, which was not compared")
        elif table.id in refused:
            verification.leave_out(table.id, f"a gate refused what its inputs make it now: {refused[table.id]}")
            path = verification.work.lake.table(table.id)
            if verification.chosen.everything and verification.exists(path):
                known[table.id] = Picture(verification.read(path))
        elif verification.chosen.everything:
            known[table.id] = _whole(verification, table, known)
        elif not isinstance(table.write, ReplacePeriods):
            verification.leave_out(table.id, "it is made as a whole, from all deliveries")
        elif not verification.exists(verification.work.lake.table(table.id)):
            verification.leave_out(table.id, "it has not been made yet")
        else:
            known[table.id] = _periods(verification, table, known)


def _whole(verification: Verification, table: GoldTable, known: Mapping[TableId, Picture]) -> Picture:
    path = verification.work.lake.table(table.id)
    inputs = {name: known[source].rows for name, source in table.inputs.items()}
    expected = computed(verification.work, table, inputs)
    if verification.exists(path):
        verification.compare(str(table.id), (expected, verification.read(path)), table.write.keys)
    else:
        verification.leave_out(table.id, "it has not been made yet")
    return Picture(expected)


def _periods(verification: Verification, table: GoldTable, known: Mapping[TableId, Picture]) -> Picture:
    (name,) = table.write.partition_by
    driving, column = table.period_source(name)
    region = known[table.inputs[driving]].region
    assert region is not None
    texts = {row[0] for row in region.select(F.col(column).cast("string")).distinct().collect()}
    inputs = {name: known[source].rows for name, source in table.inputs.items()}
    expected = computed(verification.work, table, within_periods(table, inputs, texts))
    lying = alike(verification.read(verification.work.lake.table(table.id)), expected)
    touched = Values.of(name, table.columns[name].type, texts).chosen()
    found = lying.where(touched)
    verification.compare(str(table.id), (expected, found), table.write.keys, f"{len(texts)} values of {name}")
    return Picture(lying.where(_is_not(touched)).unionByName(expected), expected.unionByName(found))


def _is_not(condition: Column) -> Column:
    return ~F.coalesce(condition, F.lit(False))
