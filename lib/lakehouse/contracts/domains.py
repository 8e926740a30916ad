"""A domain: its facts and its tables, loaded from conf/<domain>/ and checked as a whole."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, ValidationError

from lakehouse.contracts.checks import check_retention, check_tables
from lakehouse.contracts.declaration import Declaration
from lakehouse.contracts.fingerprints import fingerprint
from lakehouse.contracts.locations import conf_dir, parsed_code, transform_file
from lakehouse.contracts.messages import explain
from lakehouse.contracts.names import LAYERS, TableId
from lakehouse.contracts.rules import MOST_DAYS
from lakehouse.contracts.schedules import Alerts, Arrival, Retries, Schedule
from lakehouse.contracts.tables import (
    AnyTable,
    BronzeTable,
    GoldTable,
    SilverTable,
    input_ids,
    model_of,
)
from lakehouse.contracts.yaml_files import read_mapping
from lakehouse.errors import ConfigurationError, nearest


class DomainFacts(Declaration):
    """What conf/<domain>/domain.yml says."""

    example: ClassVar[str] = "description: ..., owner: data-platform, start_date: 2025-01-01, schedule: '0 2 * * *'"

    description: str
    owner: str
    start_date: date
    schedule: Schedule = "0 0 * * *"
    """When it runs, in UTC, as five fields of cron: minute, hour, day of month, month, day of week."""
    tags: tuple[str, ...] = ()
    """Words by which the scheduler's page finds the domain's DAG, besides its name."""
    arrival: Arrival = Arrival()
    retries: Retries = Retries()
    alerts: Alerts = Alerts()
    keep_logs_days: Annotated[int, Field(ge=7, le=MOST_DAYS)] = 90
    """For how long the lake keeps the results and logs of runs."""
    restore_days: Annotated[int, Field(ge=7, le=MOST_DAYS)] = 30
    """For how long ``lakehouse restore`` can go back to what a run left; no table keeps its versions shorter."""
    keep_ledger_days: Annotated[int, Field(ge=30, le=MOST_DAYS)] | None = None
    """For how long the ledger keeps what runs did, judged and measured; None keeps it for ever."""


@dataclass(frozen=True)
class Domain:
    """A business area with its own tables and one writer."""

    name: str
    facts: DomainFacts
    tables: dict[TableId, AnyTable]
    """Every table, inputs before what is made from them."""

    def bronze(self) -> list[BronzeTable]:
        """Tables that deliveries are taken into."""
        return [table for table in self.tables.values() if isinstance(table, BronzeTable)]

    def silver(self) -> list[SilverTable]:
        """Conformed tables: those that are refined from bronze."""
        return [table for table in self.tables.values() if isinstance(table, SilverTable)]

    def gold(self) -> list[GoldTable]:
        """Computed tables, inputs first: gold, and the silver tables that are made from silver ones."""
        return [table for table in self.tables.values() if isinstance(table, GoldTable)]

    def bronze_of(self, table: SilverTable) -> BronzeTable:
        """The bronze table that a silver table is refined from."""
        return self.bronze_table(table.bronze)

    def bronze_table(self, table: TableId) -> BronzeTable:
        """The bronze table of that id; loading has checked that those in contracts exist."""
        return next(bronze for bronze in self.bronze() if bronze.id == table)

    @cached_property
    def fingerprints(self) -> dict[TableId, str]:
        """Every table's fingerprint."""
        return {
            table_id: fingerprint(table, self.bronze_of(table) if isinstance(table, SilverTable) else None)
            for table_id, table in self.tables.items()
        }


def domain_names() -> list[str]:
    """Every domain that has a domain.yml."""
    return sorted(path.parent.name for path in conf_dir().glob("*/domain.yml"))


def check_domain_name(name: str) -> None:
    """Raise ConfigurationError for a domain that has no domain.yml."""
    names = domain_names()
    if name not in names:
        raise ConfigurationError(
            f"There is no domain '{name}'.{nearest(name, names)} Domains: {', '.join(names) or 'none'} "
            f"(folders with a domain.yml in {conf_dir()})."
        )


def load_domain(name: str) -> Domain:
    """A domain with all its contracts; raises ConfigurationError listing every mistake of the first wrong file.

    SQL in the contracts is not read here: see ``contracts.sql.check_sql``.
    """
    check_domain_name(name)
    folder = conf_dir() / name
    _check_places(folder)
    tables = dict(_load_tables(name, folder))
    check_tables(tables)
    for table in tables.values():
        _check_transform(table)
    facts = _load_facts(folder / "domain.yml")
    check_retention(tables, facts.restore_days, facts.keep_ledger_days, str(folder / "domain.yml"))
    return Domain(name, facts, _in_order(tables))


def _load_facts(path: Path) -> DomainFacts:
    try:
        return DomainFacts.model_validate(read_mapping(path))
    except ValidationError as error:
        raise explain(str(path), error, DomainFacts) from error


def _load_tables(name: str, folder: Path) -> Iterator[tuple[TableId, AnyTable]]:
    for layer in LAYERS:
        for path in sorted((folder / layer).glob("*.yml")):
            table_id = _table_id(name, layer, path)
            content = read_mapping(path)
            model = model_of(layer, content)
            for key in {"id", "file"} & set(content):
                raise ConfigurationError(f"{path}: unknown key '{key}': a table is named by its file's path.")
            try:
                yield table_id, model.model_validate({**content, "id": table_id, "file": str(path)})
            except ValidationError as error:
                raise explain(str(path), error, model) from error


def _table_id(domain: str, layer: str, path: Path) -> TableId:
    try:
        return TableId.parse(f"{domain}.{layer}.{path.stem}")
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: the file's name makes the table's id, and {error}") from error


def _check_places(folder: Path) -> None:
    """Refuse contracts that would never be read because of their folder or ending."""
    for path in sorted(path for path in folder.rglob("*") if path.suffix in {".yml", ".yaml"}):
        place = path.relative_to(folder).parts
        if place in {("domain.yml",), ("report.yml",)}:
            continue
        layer = place[0] if len(place) == 2 else ""
        if path.suffix == ".yaml":
            raise ConfigurationError(f"{path}: this file would not be read. Name it {path.with_suffix('.yml').name}.")
        if layer not in LAYERS:
            raise ConfigurationError(
                f"{path}: this file would not be read.{nearest(layer, LAYERS)} Contracts lie in "
                f"{', '.join(f'{folder.name}/{known}' for known in LAYERS)}."
            )


def _in_order(tables: dict[TableId, AnyTable]) -> dict[TableId, AnyTable]:
    sorter = TopologicalSorter(
        {table_id: {source.owner for source in input_ids(table)} for table_id, table in tables.items()}
    )
    try:
        return {table_id: tables[table_id] for table_id in sorter.static_order()}
    except CycleError as error:
        circle = " -> ".join(str(table_id) for table_id in error.args[1])
        raise ConfigurationError(
            f"{tables[error.args[1][0]].file}: inputs: these tables are made from one another in a circle: {circle}. "
            "Take one of these inputs out."
        ) from error


def _check_transform(table: AnyTable) -> None:
    if isinstance(table, BronzeTable):
        return
    path = transform_file(table.id.domain, table.id.layer, table.id.name)
    signature = _signature(table)
    if not path.is_file():
        raise ConfigurationError(f"{table.file}: this table has no transform. Write {path} with '{signature}'.")
    functions = {node.name: node for node in parsed_code(path).body if isinstance(node, ast.FunctionDef)}
    function = functions.get(table.id.name)
    if function is None:
        raise ConfigurationError(
            f"{path}: there is no function '{table.id.name}'.{nearest(table.id.name, functions)} Write '{signature}'."
        )
    parameters = [argument.arg for argument in function.args.args]
    if parameters != list(table.inputs):
        raise ConfigurationError(
            f"{path}: '{table.id.name}' takes ({', '.join(parameters)}), but the inputs of {table.file} are "
            f"({', '.join(table.inputs)}). Write '{signature}'."
        )
    given = [argument.arg for argument in function.args.kwonlyargs]
    if sorted(given) != sorted(table.parameters):
        raise ConfigurationError(
            f"{path}: after the * '{table.id.name}' takes ({', '.join(given)}), but the parameters of {table.file} are "
            f"({', '.join(table.parameters)}). Write '{signature}'."
        )


def _signature(table: SilverTable | GoldTable) -> str:
    arguments = [f"{name}: DataFrame" for name in table.inputs]
    kinds = {name: type(value).__name__ for name, value in table.parameters.items()}
    arguments += ["*", *(f"{name}: {kind}" for name, kind in kinds.items())] if kinds else []
    return f"def {table.id.name}({', '.join(arguments)}) -> DataFrame"
