"""Fingerprints: what a table's rows depend on beside the deliveries - its contract and its transform's code."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lakehouse.contracts.locations import PACKAGE, parsed_code, transform_file
from lakehouse.contracts.tables import AnyTable, BronzeTable, GoldTable, SilverTable

_ROWLESS = {"description", "maintain", "file", "because", "pii"}
"""Keys that change no row: prose, upkeep, and who may see what. Gates stay in: they decide which deliveries are
published."""

_NAMED = {"columns", "row_rules", "inputs", "periods", "parameters", "values"}
"""Keys whose own keys are the user's names, never one of the words above."""


def fingerprint(table: AnyTable, bronze: BronzeTable | None = None) -> str:
    """A short hash of all that decides about a table's rows.

    Comments, descriptions and the layout of the files do not count; the transform's code does, and for a silver
    table also the names under which its bronze table finds the columns. What a contract leaves at its default does
    not count either, so that a setting added to the engine later makes no table anew.
    """
    declared = table.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    facts: dict[str, Any] = {"contract": _row_facts(declared)}
    if not isinstance(table, BronzeTable):
        facts["transform"] = _code(table)
    if bronze:
        facts["aliases"] = {name: sorted(column.aliases) for name, column in sorted(bronze.columns.items())}
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _row_facts(value: Any, named: bool = False) -> Any:
    if isinstance(value, dict):
        return {key: _row_facts(item, key in _NAMED) for key, item in value.items() if named or key not in _ROWLESS}
    return [_row_facts(item) for item in value] if isinstance(value, list) else value


def _code(table: SilverTable | GoldTable) -> list[str]:
    """The transform, and the modules of ours that it imports, without comments, docstrings and layout."""
    pending = [transform_file(table.id.domain, table.id.layer, table.id.name)]
    seen: dict[Path, str] = {}
    while pending:
        path = pending.pop()
        if path not in seen:
            tree = parsed_code(path)
            pending += _imported(tree, path)
            seen[path] = _normalised(tree)
    return [seen[path] for path in sorted(seen)]


def _imported(tree: ast.Module, path: Path) -> Iterator[Path]:
    """Files of this package that a module imports, however it spells that."""
    package = (PACKAGE.name, *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(tree):
        names: list[tuple[str, ...]] = []
        if isinstance(node, ast.Import):
            names = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = (*above, *(node.module.split(".") if node.module else ()))
            # What is imported from a package may be one of its modules.
            names = [module, *((*module, alias.name) for alias in node.names)]
        for name in names:
            if name[0] == PACKAGE.name:
                place = PACKAGE.joinpath(*name[1:])
                yield from (file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file())


def _normalised(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    # The text of the code, not of its tree: how Python prints a tree changes between its versions.
    return ast.unparse(tree)
