"""What people decided about single rows, laid over bronze before it is conformed."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.contracts.columns import OWN
from lakehouse.contracts.tables import BronzeTable
from lakehouse.ledger.decisions import RowDecision
from lakehouse.storage.tables import literal_rows

PATCHED_FROM = f"{OWN}patched_from"
"""Column of rows with decisions: the delivered texts that a patch stands in for, by bronze column."""

DISCARDED = f"{OWN}discarded"
"""Column of rows with decisions: why a row was discarded; null for the others."""

PATCHED_WHOLE = f"{OWN}patched_whole"
"""Column of rows with decisions: whether patches give every column, so that the record as delivered plays no part."""

DECIDED = (PATCHED_FROM, DISCARDED, PATCHED_WHOLE)

_VALUES = f"{OWN}patched_values"
_ADDRESS = ("delivery_sequence", "record_number")
_KIND = f"array<struct<delivery_sequence:bigint,record_number:bigint,{_VALUES}:map<string,string>,{DISCARDED}:string>>"


def overlaid(rows: DataFrame, table: BronzeTable, decided: Sequence[RowDecision]) -> DataFrame:
    """Bronze rows with patched texts in place of the delivered ones, and the columns of ``DECIDED``."""
    known = rows.join(F.broadcast(_frame(rows, decided)), list(_ADDRESS), "left")
    patched = {name for one in decided for name in one.values}
    texts = {name: F.coalesce(F.col(_VALUES).getItem(name), F.col(name)) for name in sorted(patched)}
    if not patched:
        nothing = {PATCHED_FROM: F.lit(None).cast("map<string,string>"), PATCHED_WHOLE: F.lit(False)}
        return known.withColumns(nothing).drop(_VALUES)
    before = [part for name in sorted(patched) for part in (F.lit(name), F.coalesce(F.col(name), F.lit("")))]
    kept = F.map_filter(F.create_map(*before), lambda name, _: F.array_contains(F.map_keys(F.col(_VALUES)), name))
    given = F.map_keys(F.col(_VALUES))
    whole = F.size(F.array_except(F.array(*(F.lit(name) for name in table.columns)), given)) == 0
    return (
        known.withColumn(PATCHED_FROM, F.when(F.col(_VALUES).isNotNull(), kept))
        .withColumns({**texts, PATCHED_WHOLE: F.col(_VALUES).isNotNull() & whole})
        .drop(_VALUES)
    )


def _frame(rows: DataFrame, decided: Sequence[RowDecision]) -> DataFrame:
    plain: list[dict[str, object]] = [
        {
            "delivery_sequence": one.sequence,
            "record_number": one.record_number,
            _VALUES: dict(one.values) or None,
            DISCARDED: one.discarded,
        }
        for one in decided
    ]
    return literal_rows(rows.sparkSession, plain, _KIND)


def decided_field(rows: DataFrame, struct: str, name: str) -> Column | None:
    """A field that only rows with decisions have in their struct, or None when these rows have none."""
    fields = rows.select(f"{struct}.*").columns
    return F.col(struct).getField(name) if name in fields else None
