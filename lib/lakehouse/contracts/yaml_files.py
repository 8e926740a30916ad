"""YAML read strictly: no duplicate keys, no Norway problem, no octal numbers, and errors that name file and line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from lakehouse.errors import ConfigurationError


class _StrictLoader(yaml.SafeLoader):
    """PyYAML follows YAML 1.1, where ``on``, ``no`` and ``NO`` are booleans; here only true and false are.

    There, 010 is eight, 1:30 is ninety, and 1e4 is a text. Here a number is written in digits, with a point or without.
    """


_OURS = {"tag:yaml.org,2002:bool", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
_UNCLEAR = "!unclear-number"
_ANY_NUMBER = re.compile(
    r"[-+]?(?:(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?"
    r"|0[box][0-9a-fA-F_]+|[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?|\.(?:inf|Inf|INF|nan|NaN|NAN))\Z"
)
"""What YAML 1.1, YAML 1.2 or JSON takes for a number."""

_StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _OURS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_StrictLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))
_START = list("-+.0123456789")
_StrictLoader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z"), _START)
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+)\Z"), _START
)
_StrictLoader.add_implicit_resolver(_UNCLEAR, _ANY_NUMBER, _START)


def _refuse_number(loader: _StrictLoader, node: yaml.ScalarNode) -> None:
    raise ConfigurationError(
        f"{loader.name}, line {node.start_mark.line + 1}: '{node.value}' does not mean the same to all that read YAML. "
        f'Write the number in digits, as 10000 or 0.95, or the text in quotes: "{node.value}".'
    )


_StrictLoader.add_constructor(_UNCLEAR, _refuse_number)


def _unique_mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    mapping: dict[Any, Any] = {}
    lines: dict[Any, int] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise ConfigurationError(f"{loader.name}, line {line}: a key must be one word. Example: description: ...")
        key = loader.construct_object(key_node, deep=True)
        if key in mapping:
            raise ConfigurationError(
                f"{loader.name}, line {line}: the key '{key}' stands there twice (first in line {lines[key]}). "
                "Keep one of them."
            )
        lines[key] = line
        try:
            mapping[key] = loader.construct_object(value_node, deep=True)
        except ValueError as error:
            # YAML reads 2025-02-30 as a date before anyone asks for one.
            raise ConfigurationError(
                f"{loader.name}, line {line}: {key}: '{value_node.value}' is not a value: {error}. "
                "Text that looks like a date or a number stands in quotes."
            ) from error
    return mapping


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; raises ConfigurationError with file and line for anything else."""
    content = _content(path)
    if content is None:
        raise ConfigurationError(f"{path}: the file is empty. Example of a first line: description: ...")
    if not isinstance(content, dict):
        raise ConfigurationError(
            f"{path}: expected 'key: value' lines, found {content!r:.60}. Example of a first line: description: ..."
        )
    return content


def _content(path: Path) -> Any:
    try:
        loader = _StrictLoader(path.read_text(encoding="utf-8"))
        loader.name = str(path)
        return loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = ", ".join(text for text in (error.context, error.problem) if text)
        raise ConfigurationError(f"{path}{place}: not valid YAML: {problem}.") from error
    except yaml.reader.ReaderError as error:
        raise ConfigurationError(
            f"{path}: not valid YAML: the character {chr(int(error.character))!r} may not stand in a YAML file."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8 text: byte 0x{error.object[error.start]:02x}.") from error
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}.") from error
