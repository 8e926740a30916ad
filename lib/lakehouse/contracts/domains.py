"""A domain: its facts and its tables, loaded from conf/<domain>/ and checked as a whole."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import ClassVar

from pydantic import ValidationError

from lakehouse.contracts.checks import check_tables
from lakehouse.contracts.declaration import Declaration
from lakehouse.contracts.fingerprints import fingerprint
from lakehouse.contracts.locations import conf_dir, transform_file
from lakehouse.contracts.messages import explain
from lakehouse.contracts.names import LAYERS, TableId
from lakehouse.contracts.tables import (
    MODELS,
    AnyTable,
    BronzeTable,
    GoldTable,
    SilverTable,
    input_ids,
)
from lakehouse.contracts.yaml_files import read_mapping
from lakehouse.errors import ConfigurationError, nearest


class DomainFacts(Declaration):
    """What conf/<domain>/domain.yml says."""

    example: ClassVar[str] = "description: ..., owner: data-platform, start_date: 2025-01-01, schedule: '0 2 * * *'"

    description: str
    owner: str
    start_date: date
    schedule: str = "0 0 * * *"


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
        """Conformed tables."""
        return [table for table in self.tables.values() if isinstance(table, SilverTable)]

    def gold(self) -> list[GoldTable]:
        """Summaries, inputs first."""
        return [table for table in self.tables.values() if isinstance(table, GoldTable)]

    def bronze_of(self, table: SilverTable) -> BronzeTable:
        """The bronze table that a silver table is refined from."""
        found = self.tables[table.bronze]
        assert isinstance(found, BronzeTable)  # noqa: S101 - loading has checked it
        return found

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


def load_domain(name: str) -> Domain:
    """A domain with all its contracts; raises ConfigurationError listing every mistake of the first wrong file."""
    names = domain_names()
    if name not in names:
        raise ConfigurationError(
            f"There is no domain '{name}'.{nearest(name, names)} Domains: {', '.join(names) or 'none'} "
            f"(folders with a domain.yml in {conf_dir()})."
        )
    folder = conf_dir() / name
    tables = dict(_load_tables(name, folder))
    check_tables(tables)
    for table in tables.values():
        _check_transform(table)
    return Domain(name, _load_facts(folder / "domain.yml"), _in_order(tables))


def _load_facts(path: Path) -> DomainFacts:
    try:
        return DomainFacts.model_validate(read_mapping(path))
    except ValidationError as error:
        raise explain(str(path), error, DomainFacts) from error


def _load_tables(name: str, folder: Path) -> Iterator[tuple[TableId, AnyTable]]:
    for layer in LAYERS:
        for path in sorted((folder / layer).glob("*.yml")):
            table_id = TableId.parse(f"{name}.{layer}.{path.stem}")
            model = MODELS[layer]
            content = read_mapping(path)
            for key in {"id", "file"} & set(content):
                raise ConfigurationError(f"{path}: unknown key '{key}': a table is named by its file's path.")
            try:
                yield table_id, model.model_validate({**content, "id": table_id, "file": str(path)})
            except ValidationError as error:
                raise explain(str(path), error, model) from error


def _in_order(tables: dict[TableId, AnyTable]) -> dict[TableId, AnyTable]:
    sorter = TopologicalSorter({table_id: input_ids(table) for table_id, table in tables.items()})
    try:
        return {table_id: tables[table_id] for table_id in sorter.static_order()}
    except CycleError as error:
        circle = " -> ".join(str(table_id) for table_id in error.args[1])
        raise ConfigurationError(f"The inputs of these tables go round in a circle: {circle}.") from error


def _check_transform(table: AnyTable) -> None:
    if isinstance(table, BronzeTable):
        return
    path = transform_file(table.id.domain, table.id.layer, table.id.name)
    signature = f"def {table.id.name}({', '.join(f'{name}: DataFrame' for name in table.inputs)}) -> DataFrame"
    if not path.is_file():
        raise ConfigurationError(
            f"{table.file}: this table has no transform. Write {path.relative_to(path.parents[4])} with '{signature}'."
        )
    functions = {
        node.name: node for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)
    }
    function = functions.get(table.id.name)
    if function is None:
        raise ConfigurationError(f"{path}: there is no function '{table.id.name}'. Write '{signature}'.")
    parameters = [argument.arg for argument in function.args.args]
    if parameters != list(table.inputs):
        raise ConfigurationError(
            f"{path}: '{table.id.name}' takes ({', '.join(parameters)}), but the inputs of {table.file} are "
            f"({', '.join(table.inputs)}). Write '{signature}'."
        )
