"""Histories: the versions of a key, from its rows as they were delivered (slowly changing dimensions of type 2).

Of several rows with one key and day the later path and record counts. A row that differs from the one before it in a
tracked column opens a version; one that does not is no more than a sign that the version still held. Columns of type 1
show their newest value in all versions. Nothing here depends on the order in which rows arrived.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse.contracts.columns import HISTORY_COLUMNS, OWN
from lakehouse.storage.keyed import OUTRANKED, PLACE, UNCHANGED, VERSION, History, KeyedTable, ranked
from lakehouse.storage.tables import OBSERVED_AS

_COUNTS = f"{OWN}counts"
_NEWEST = f"{OWN}newest_values"


def observed(rows: DataFrame, table: KeyedTable) -> DataFrame:
    """All rows of some keys, each with what became of it (``observed_as``) and, where it opened one, its version."""
    history = _history(table)
    day = F.col(history.valid_from)
    placed = ranked(rows, table).withColumn(_COUNTS, F.col(PLACE) == 1)
    in_turn = Window.partitionBy(*table.keys, _COUNTS).orderBy(day)
    newest = in_turn.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    content = F.struct(*(F.col(name) for name in history.tracked)) if history.tracked else F.lit(True)
    opens = (F.row_number().over(in_turn) == 1) | ~content.eqNullSafe(F.lag(content).over(in_turn))
    fate = F.when(~F.col(_COUNTS), OUTRANKED).when(opens, VERSION).otherwise(UNCHANGED)
    told = placed.withColumn(OBSERVED_AS, fate).withColumn(_NEWEST, F.last(_type_1(history)).over(newest))
    of_kind = Window.partitionBy(*table.keys, OBSERVED_AS).orderBy(day)
    return told.withColumns(
        _columns(table, valid_to=F.lead(day).over(of_kind), version=F.row_number().over(of_kind))
    ).drop(PLACE, _COUNTS)


def first_seen(rows: DataFrame, table: KeyedTable) -> DataFrame:
    """The same for rows whose keys have no other row: each opens the only version."""
    history = _history(table)
    told = rows.withColumns({OBSERVED_AS: F.lit(VERSION), _NEWEST: _type_1(history)})
    return told.withColumns(_columns(table, valid_to=F.lit(None).cast("date"), version=F.lit(1)))


def versions(rows: DataFrame, table: KeyedTable) -> DataFrame:
    """The versions among observed rows, as readers see them."""
    newest = {name: F.col(_NEWEST).getField(name) for name in _history(table).type_1}
    columns = [newest.get(name, F.col(name)).alias(name) for name in table.columns]
    return rows.where(F.col(OBSERVED_AS) == VERSION).select(*columns)


def _columns(table: KeyedTable, valid_to: Column, version: Column) -> dict[str, Column]:
    day = F.col(_history(table).valid_from)
    identity = F.to_json(F.struct(*(F.col(key) for key in table.keys), day.alias("valid_from")))
    found = {
        "surrogate_key": F.substring(F.sha2(identity, 256), 1, 32),
        "valid_from": day,
        "valid_to": valid_to,
        "is_current": valid_to.isNull(),
        "version": version.cast("int"),
    }
    assert found.keys() == HISTORY_COLUMNS.keys()
    return found


def _type_1(history: History) -> Column:
    # A struct of no fields cannot be written down.
    return F.struct(F.lit(True).alias("_"), *(F.col(name) for name in history.type_1))


def _history(table: KeyedTable) -> History:
    assert table.history is not None
    return table.history
