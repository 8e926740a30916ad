"""YAML read strictly: no duplicate keys, no Norway problem, and errors that name file and line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from lakehouse.errors import ConfigurationError


class _StrictLoader(yaml.SafeLoader):
    """PyYAML follows YAML 1.1, where ``on``, ``no`` and ``NO`` are booleans; here only true and false are."""


_StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_StrictLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


def _unique_mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    mapping: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)  # type: ignore[no-untyped-call]
        if key in mapping:
            raise ConfigurationError(
                f"{key_node.start_mark.name}, line {key_node.start_mark.line + 1}: the key '{key}' stands there twice."
            )
        mapping[key] = loader.construct_object(value_node, deep=True)  # type: ignore[no-untyped-call]
    return mapping


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; raises ConfigurationError with file and line for anything else."""
    try:
        with path.open(encoding="utf-8") as stream:
            loader = _StrictLoader(stream)
            loader.name = str(path)
            content = loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigurationError(f"{path}{place}: not valid YAML: {error.problem or error.context}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}.") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: expected 'key: value' lines, found {type(content).__name__}.")
    return content
