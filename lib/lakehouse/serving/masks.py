"""Personal data in SQL: masked, unless somebody asks for it as it is. No Spark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lakehouse.contracts.columns import BRONZE_COLUMNS, DELIVERY_COLUMNS
from lakehouse.contracts.domains import Domain, load_domain
from lakehouse.contracts.names import TableId
from lakehouse.contracts.personal import personal_columns
from lakehouse.contracts.tables import SilverTable
from lakehouse.errors import ConfigurationError
from lakehouse.serving.tables import LakeTable

_OF_QUARANTINE = frozenset({"payload", "reasons"})
"""Where a quarantine table holds what was delivered."""

_OF_LEDGER = {"decisions": frozenset({"value"})}
"""Where the ledger holds what people put in place of what was delivered."""


@dataclass(frozen=True)
class Masks:
    """Which columns of a lake's tables are masked."""

    columns: Mapping[LakeTable, frozenset[str] | None]
    """None: every column that the engine did not make, because no contract tells which are personal."""
    notes: tuple[str, ...] = ()
    """What people should know: which tables are masked as a whole, and why."""
    others: frozenset[str] | None = None
    """What is masked of a table that came to the lake in the meantime."""

    def of(self, table: LakeTable) -> frozenset[str] | None:
        """The masked columns of a table."""
        return self.columns.get(table, self.others)


NO_MASKS = Masks({}, others=frozenset())


def masks(tables: Iterable[LakeTable]) -> Masks:
    """The masks of a lake's tables, from the contracts of their domains."""
    by_domain: dict[str, list[LakeTable]] = {}
    for table in tables:
        by_domain.setdefault(table.domain, []).append(table)
    found: dict[LakeTable, frozenset[str] | None] = {}
    notes: list[str] = []
    for name, mine in by_domain.items():
        try:
            of_domain = domain_masks(load_domain(name), mine)
        except ConfigurationError as error:
            found |= {table: _of_engine(table, None) for table in mine}
            notes.append(f"every value of '{name}', because its contracts cannot be read. {error}")
        else:
            found |= of_domain.columns
            notes += of_domain.notes
    return Masks(found, tuple(notes))


def domain_masks(domain: Domain, tables: Iterable[LakeTable]) -> Masks:
    """The masks of tables of one domain."""
    found = _of_domain(domain, tables)
    unknown = [table.view for table, columns in found.items() if columns is None]
    note = f"every value of {', '.join(unknown)}, because no contract says which are personal."
    return Masks(found, (note,) if unknown else ())


def _of_domain(domain: Domain, tables: Iterable[LakeTable]) -> dict[LakeTable, frozenset[str] | None]:
    personal = personal_columns(domain)
    found: dict[LakeTable, frozenset[str] | None] = {}
    for table in tables:
        mine: frozenset[str] | None
        silver = TableId(domain.name, "silver", table.name)
        match table.layer:
            case "ledger":
                mine = frozenset().union(*personal.values())
            case "quarantine":
                contract = domain.tables.get(silver)
                mine = personal[contract.bronze] | personal[silver] if isinstance(contract, SilverTable) else None
            case "outranked":
                mine = personal.get(silver)
            case _:
                mine = personal.get(TableId(domain.name, table.layer, table.name))
        if mine and table.layer == "bronze":
            mine |= set(BRONZE_COLUMNS)
        found[table] = _of_engine(table, mine)
    return found


def _of_engine(table: LakeTable, personal: frozenset[str] | None) -> frozenset[str] | None:
    """The columns to mask of a table whose columns the engine named itself, if there are personal ones behind them."""
    nothing: frozenset[str] = frozenset()
    match table.layer:
        case "ledger":
            return nothing if personal == nothing else _OF_LEDGER.get(table.name, nothing)
        case "quarantine":
            return nothing if personal == nothing else _OF_QUARANTINE
    return personal


def masked(types: Mapping[str, str], columns: frozenset[str] | None) -> str:
    """The select list that shows these columns masked; ``types`` are those of DuckDB by column."""
    hidden = set(types) - set(DELIVERY_COLUMNS) if columns is None else columns & set(types)
    changed = [f"{_mask(name, types[name])} AS {_quoted(name)}" for name in types if name in hidden]
    return f"* REPLACE ({', '.join(changed)})" if changed else "*"


def _mask(name: str, kind: str) -> str:
    """An expression of the column's type: of texts the first character and ***, of other values nothing."""
    column = _quoted(name)
    if name == "payload":
        values = f"map_entries(CAST(CAST({column} AS JSON) AS MAP(VARCHAR, VARCHAR)))"
        shown = f"to_json(map_from_entries(list_transform({values}, lambda e: {_entry('e')})))"
        return f"CASE WHEN json_valid({column}) THEN CAST({shown} AS VARCHAR) ELSE {_text(column)} END"
    if name == "reasons":
        return f"list_transform({column}, lambda r: struct_update(r, value := {_text('r.value')}))"
    if kind == "MAP(VARCHAR, VARCHAR)":
        return f"map_from_entries(list_transform(map_entries({column}), lambda e: {_entry('e')}))"
    return _text(column) if kind == "VARCHAR" else f"CAST(NULL AS {kind})"


def _text(value: str) -> str:
    return f"left({value}, 1) || '***'"


def _entry(entry: str) -> str:
    return f"{{'key': {entry}.key, 'value': {_text(f'{entry}.value')}}}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
