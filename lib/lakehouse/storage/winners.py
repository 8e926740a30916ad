"""Publish by key: what readers see of each key follows from all its good rows; the others are kept aside.

The state of a key is a pure function of its rows: the winner is the greatest by (order columns, delivery date,
delivery id, record number), whenever the rows came; versions follow one another by their days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from lakehouse.contracts.columns import OWN
from lakehouse.storage import history
from lakehouse.storage.commits import append, merge_changes, overwrite
from lakehouse.storage.keyed import ADDRESS, PLACE, Colliding, KeyedTable, Scope, among, ranked

_CHANGE = f"{OWN}change"
_WHERE = f"{OWN}table_or_aside"


@dataclass(frozen=True)
class Settled:
    """What all good rows of some keys amount to."""

    basis: DataFrame
    """What both others are selected from: persist it when both are used."""
    published: DataFrame
    aside: DataFrame


def settled(rows: DataFrame, table: KeyedTable) -> Settled:
    """What readers see of some keys, and what lies beside, from all good rows that these keys have."""
    if table.history:
        observed = history.observed(rows, table)
        return Settled(observed, history.versions(observed, table), observed.select(table.aside_columns))
    placed = ranked(rows, table)
    published, aside = placed.where(f"{PLACE} = 1"), placed.where(f"{PLACE} > 1")
    return Settled(placed, published.select(table.columns), aside.select(table.aside_columns))


def rebuild(alone: DataFrame, contenders: DataFrame, table: KeyedTable) -> None:
    """Make both tables anew from all good rows there are: those with a key of their own, and those that collide."""
    plain, plain_aside = _alone(alone, table)
    decided = settled(contenders, table)
    decided.basis.persist(StorageLevel.MEMORY_AND_DISK)
    aside = decided.aside if plain_aside is None else decided.aside.unionByName(plain_aside)
    overwrite(aside, table.outranked)
    overwrite(plain.unionByName(decided.published), table.shape)
    decided.basis.unpersist()


def _alone(rows: DataFrame, table: KeyedTable) -> tuple[DataFrame, DataFrame | None]:
    """What readers see of rows whose keys have no other row, and what of them lies beside."""
    if table.history is None:
        return rows.select(table.columns), None
    observed = history.first_seen(rows, table)
    return history.versions(observed, table), observed.select(table.aside_columns)


def publish(
    alone: DataFrame, contenders: DataFrame, colliding: Colliding, scope: Scope, replaced: Sequence[int]
) -> None:
    """Bring a batch of good rows into both tables: first what lies beside, then, in one commit, what readers see.

    ``alone`` are the rows of the batch whose key has no other row, there or in the table; ``contenders`` are the
    others. ``replaced`` names the delivery sequences whose present rows do not count any more.
    """
    table, spark = scope.table, alone.sparkSession
    plain, plain_aside = _alone(alone, table)
    if colliding.count == 0:
        if plain_aside is not None:
            append(plain_aside, table.outranked_path)
        append(plain, table.path, table.partition_by)
        return
    present, aside = (among(rows, colliding) for rows in scope.before(spark))
    stays = ~F.col("delivery_sequence").isin(list(replaced)) if replaced else F.lit(True)
    # All rows of a table with versions lie beside it, as they were delivered.
    known = [aside] if table.history else [present, aside]
    pool = reduce(DataFrame.unionByName, [contenders, *(rows.where(stays).select(table.row_columns) for rows in known)])
    decided = settled(pool.dropDuplicates(list(ADDRESS)), table)
    decided.basis.persist(StorageLevel.MEMORY_AND_DISK)
    changes = _changes(decided.published, present, table.row_keys, table.columns).withColumn(_WHERE, F.lit("table"))
    moves = _changes(decided.aside, aside, ADDRESS, table.aside_columns).withColumn(_WHERE, F.lit("aside"))
    both = changes.unionByName(moves, allowMissingColumns=True).persist(StorageLevel.MEMORY_AND_DISK)
    found = {(row[_WHERE], row[_CHANGE]) for row in both.select(_WHERE, _CHANGE).distinct().collect()}
    _commit_aside(both, plain_aside, found, scope)
    _commit_table(both, plain, found, scope)
    decided.basis.unpersist()
    both.unpersist()


def _commit_aside(both: DataFrame, plain: DataFrame | None, found: set[tuple[str, str]], scope: Scope) -> None:
    mine = both.where(F.col(_WHERE) == "aside").select(*scope.table.aside_columns, _CHANGE)
    _commit(scope.table.outranked_path, ADDRESS, mine, plain, {kind for at, kind in found if at == "aside"}, scope)


def _commit_table(both: DataFrame, plain: DataFrame, found: set[tuple[str, str]], scope: Scope) -> None:
    mine = both.where(F.col(_WHERE) == "table").select(*scope.table.columns, _CHANGE)
    _commit(scope.table.path, scope.table.row_keys, mine, plain, {kind for at, kind in found if at == "table"}, scope)


def _commit(
    path: str, keys: Sequence[str], changes: DataFrame, plain: DataFrame | None, found: set[str], scope: Scope
) -> None:
    """Write changes by key, and rows whose keys are new, in one commit; none when there is neither."""
    if found & {"update", "delete"}:
        kind = F.when(F.col(_CHANGE) == "delete", "delete").otherwise("write")
        source = changes.withColumn(_CHANGE, kind)
        if plain is not None:
            source = plain.withColumn(_CHANGE, F.lit("write")).unionByName(source)
        merge_changes(source, path, keys, scope.pruning(), _CHANGE)
        return
    rows = [changes.drop(_CHANGE)] if found else []
    if plain is not None and (rows or not plain.isEmpty()):
        rows.append(plain)
    if rows:
        append(reduce(DataFrame.unionByName, rows), path, scope.table.partition_by)


def _changes(wanted: DataFrame, present: DataFrame, keys: Sequence[str], columns: Sequence[str]) -> DataFrame:
    """What makes a table hold the wanted rows: rows to insert, update or delete, by ``change``."""
    left, right = wanted.alias("w"), present.alias("c")
    same = reduce(lambda a, b: a & b, (F.col(f"w.{key}") == F.col(f"c.{key}") for key in keys))
    gone, fresh = F.col(f"w.{keys[0]}").isNull(), F.col(f"c.{keys[0]}").isNull()
    change = (
        F.when(gone, "delete")
        .when(fresh, "insert")
        .when(~_content(columns, "w").eqNullSafe(_content(columns, "c")), "update")
    )
    # Rows that go are told by what they were: the partition that they lie in is among it.
    chosen = [F.when(gone, F.col(f"c.{name}")).otherwise(F.col(f"w.{name}")).alias(name) for name in columns]
    joined = left.join(right, same, "full_outer").select(*chosen, change.alias(_CHANGE))
    return joined.where(F.col(_CHANGE).isNotNull())


def _content(columns: Sequence[str], prefix: str) -> Column:
    return F.struct(*(F.col(f"{prefix}.{name}") for name in columns))
