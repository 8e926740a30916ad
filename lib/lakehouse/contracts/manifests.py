"""Manifests: files beside the deliveries that say what is delivered. Where a source's manifests lie, and their form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import field_validator
from pydantic_core import PydanticCustomError

from lakehouse.contracts.declaration import Declaration
from lakehouse.contracts.patterns import PLACEHOLDERS, checked_path, loose_expression
from lakehouse.errors import nearest

Form = Literal["json", "csv", "sha256"]

_ENDINGS: Mapping[str, Form] = {".json": "json", ".csv": "csv", ".sha256": "sha256", "sha256sums": "sha256"}
_WORDS = ("path", "folder", *PLACEHOLDERS)
_TOKEN = re.compile(r"\{folder\}/|\{(\w+)\}")
_EXAMPLE = "Example: manifest: {files: '{path}.manifest.json'}"


class DeclaredManifest(Declaration):
    """Where the manifest of a delivery lies, and whether there has to be one."""

    example: ClassVar[str] = "manifest: {files: '{path}.manifest.json', required: true}"

    files: str
    """Path below the source's folder: {path} stands for the delivery's own path, {folder}/ for its folder, {year}
    {month} {day} {date} for its day as its path spells it."""
    required: bool = False
    """Whether a delivery without a manifest waits for it."""

    @field_validator("files")
    @classmethod
    def _check_files(cls, files: str) -> str:
        checked_path(files)
        if "*" in files:
            raise PydanticCustomError(
                "manifest", "'{found}': a delivery has one manifest, so * cannot name it. " + _EXAMPLE, {"found": files}
            )
        for name in re.findall(r"\{(\w+)\}", files):
            if name not in _WORDS:
                raise PydanticCustomError(
                    "manifest",
                    "'{name}' is not a placeholder.{hint} Allowed: {path}, {folder}, {year}, {month}, {day}, "
                    "{date}. " + _EXAMPLE,
                    {"name": f"{{{name}}}", "hint": nearest(name, _WORDS)},
                )
        if "{folder}" in files.replace("{folder}/", "", 1) or files.find("{folder}/") > 0:
            raise PydanticCustomError(
                "manifest",
                "'{found}': {folder} stands at the beginning, before a slash. "
                "Example: manifest: {files: '{folder}/_manifest.json'}",
                {"found": files},
            )
        if _form(files) is None:
            raise PydanticCustomError(
                "manifest",
                "'{found}' does not say what form the manifest has: its name ends in .json, .csv, .sha256 or "
                "SHA256SUMS. " + _EXAMPLE,
                {"found": files},
            )
        return files

    @property
    def form(self) -> Form:
        """How its text is written."""
        found = _form(self.files)
        assert found is not None
        return found

    @property
    def day_words(self) -> list[str]:
        """Placeholders for the day that it uses."""
        return [name for name in re.findall(r"\{(\w+)\}", self.files) if name in PLACEHOLDERS]

    def of(self, path: str, day: Mapping[str, str]) -> str:
        """Path of the manifest of a delivery; ``day`` holds what its path says for the placeholders."""
        folder, slash, _ = path.rpartition("/")
        words = {**day, "path": path}
        return _TOKEN.sub(lambda found: words[found[1]] if found[1] else folder + slash, self.files)

    def expression(self, deliveries: str) -> str:
        """The regular expression of the paths of all manifests; ``deliveries`` is the pattern of the source's files."""
        folder, slash, _ = deliveries.rpartition("/")
        parts, end = [], 0
        for found in _TOKEN.finditer(self.files):
            parts.append(re.escape(self.files[end : found.start()]))
            if found[1] is None:
                parts.append(loose_expression(folder + slash))
            elif found[1] == "path":
                parts.append(loose_expression(deliveries) + r"(?:\.gz)?")
            else:
                parts.append(loose_expression(found[0]))
            end = found.end()
        return "".join(parts) + re.escape(self.files[end:])


def _form(files: str) -> Form | None:
    return next((form for ending, form in _ENDINGS.items() if files.lower().endswith(ending)), None)
