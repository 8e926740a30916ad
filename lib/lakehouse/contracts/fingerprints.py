"""Fingerprints: what a table's rows depend on beside the deliveries - its contract and its transform's code."""

from __future__ import annotations

import ast
import hashlib
import json
from pathlib import Path
from typing import Any

from lakehouse.contracts.locations import PACKAGE, transform_file
from lakehouse.contracts.tables import AnyTable, BronzeTable, GoldTable, SilverTable

_ROWLESS = {"description", "maintain", "file", "because"}
"""Keys that change no row: prose and upkeep. Gates stay in: they decide which deliveries are published."""

_NAMED = {"columns", "row_rules", "inputs", "periods"}
"""Keys whose own keys are the user's names, never one of the words above."""


def fingerprint(table: AnyTable, bronze: BronzeTable | None = None) -> str:
    """A short hash of all that decides about a table's rows.

    Comments, descriptions and the layout of the files do not count; the transform's code does, and for a silver
    table also the names under which its bronze table finds the columns.
    """
    facts: dict[str, Any] = {"contract": _row_facts(table.model_dump(mode="json", by_alias=True))}
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
    """The transform, and the modules of its domain that it imports, without comments, docstrings and layout."""
    pending = [transform_file(table.id.domain, table.id.layer, table.id.name)]
    seen: dict[Path, str] = {}
    while pending:
        path = pending.pop()
        if path in seen:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        seen[path] = _dump(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lakehouse."):
                parts = str(node.module).split(".")[1:]
                pending.append(PACKAGE.joinpath(*parts).with_suffix(".py"))
    return [seen[path] for path in sorted(seen)]


def _dump(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)
