"""Personal data in SQL: masked, unless somebody asks for it as it is. No Spark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lakehouse.contracts.columns import BRONZE_COLUMNS, DELIVERY_COLUMNS, HISTORY_COLUMNS, RESERVED, TOLD_COLUMNS
from lakehouse.contracts.domains import Domain, load_domain
from lakehouse.contracts.names import TableId
from lakehouse.contracts.personal import personal_columns
from lakehouse.contracts.tables import AnyTable, BronzeTable, SilverTable
from lakehouse.errors import ConfigurationError
from lakehouse.serving.tables import LakeTable

_LAYER_OF = {"quarantine": "silver", "outranked": "silver"}
"""Whose contract tells about a table that has none of its own."""

_OF_QUARANTINE = frozenset({"payload", "reasons"})
"""Where a quarantine table holds what was delivered."""

_OF_LEDGER = {"decisions": frozenset({"value"})}
"""Where the ledger holds what people put in place of what was delivered."""


_OF_CONTRACTS = frozenset({*RESERVED, *HISTORY_COLUMNS, *TOLD_COLUMNS})
"""What the engine itself puts into the tables that have contracts."""


@dataclass(frozen=True)
class Mask:
    """Which columns of one table are masked."""

    personal: frozenset[str] = frozenset()
    named: frozenset[str] | None = None
    """Columns that a contract or the engine names, where all others are masked: one that a contract named once is kept
    in bronze, and nobody says whether it is personal. None: the others are shown."""

    def hides(self, column: str) -> bool:
        """Whether this column is masked."""
        return column in self.personal or (self.named is not None and column not in self.named)


_NOTHING = Mask()
_WHOLE = Mask(named=frozenset(DELIVERY_COLUMNS))


@dataclass(frozen=True)
class Masks:
    """Which columns of a lake's tables are masked."""

    columns: Mapping[LakeTable, Mask]
    notes: tuple[str, ...] = ()
    """What people should know: which tables are masked as a whole, and why."""
    others: Mask = _WHOLE
    """What is masked of a table that came to the lake in the meantime."""

    def of(self, table: LakeTable) -> Mask:
        """What is masked of a table."""
        return self.columns.get(table, self.others)


NO_MASKS = Masks({}, others=_NOTHING)


def masks(tables: Iterable[LakeTable]) -> Masks:
    """The masks of a lake's tables, from the contracts of their domains."""
    by_domain: dict[str, list[LakeTable]] = {}
    for table in tables:
        by_domain.setdefault(table.domain, []).append(table)
    found: dict[LakeTable, Mask] = {}
    notes: list[str] = []
    for name, mine in by_domain.items():
        try:
            of_domain = domain_masks(load_domain(name), mine)
        except ConfigurationError as error:
            found |= {table: _of_engine(table, _WHOLE) for table in mine}
            notes.append(f"every value of '{name}', because its contracts cannot be read. {error}")
        else:
            found |= of_domain.columns
            notes += of_domain.notes
    return Masks(found, tuple(notes))


def domain_masks(domain: Domain, tables: Iterable[LakeTable]) -> Masks:
    """The masks of tables of one domain."""
    found = _of_domain(domain, tables)
    unknown = [table.view for table, columns in found.items() if columns is _WHOLE]
    note = f"every value of {', '.join(unknown)}, because no contract says which are personal."
    return Masks(found, (note,) if unknown else ())


def _of_domain(domain: Domain, tables: Iterable[LakeTable]) -> dict[LakeTable, Mask]:
    personal = personal_columns(domain)
    everywhere = Mask(frozenset().union(*personal.values()))
    found: dict[LakeTable, Mask] = {}
    for table in tables:
        contract = domain.tables.get(TableId(domain.name, _LAYER_OF.get(table.layer, table.layer), table.name))
        mine = _WHOLE
        if table.layer == "ledger":
            mine = everywhere
        elif contract is not None and table.layer == "quarantine":
            if isinstance(contract, SilverTable):
                mine = Mask(personal[contract.bronze] | personal[contract.id])
        elif contract is not None:
            mine = _of_contract(contract, personal[contract.id])
        found[table] = _of_engine(table, mine)
    return found


def _of_contract(contract: AnyTable, personal: frozenset[str]) -> Mask:
    if not personal:
        return _NOTHING
    undeclared = BRONZE_COLUMNS if isinstance(contract, BronzeTable) else ()
    return Mask(personal | set(undeclared), _OF_CONTRACTS | set(contract.columns))


def _of_engine(table: LakeTable, mask: Mask) -> Mask:
    """The mask of a table whose columns the engine named itself, if there are personal ones behind them."""
    match table.layer:
        case "ledger":
            return mask if mask == _NOTHING else Mask(_OF_LEDGER.get(table.name, frozenset()))
        case "quarantine":
            return mask if mask == _NOTHING else Mask(_OF_QUARANTINE)
    return mask


def masked(types: Mapping[str, str], mask: Mask) -> str:
    """The select list that shows a table masked; ``types`` are those of DuckDB by column."""
    changed = [f"{_mask(name, types[name])} AS {_quoted(name)}" for name in types if mask.hides(name)]
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
