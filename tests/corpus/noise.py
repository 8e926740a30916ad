"""Random files of few characters, and what Python's csv module reads in them."""

from __future__ import annotations

import csv
import io
import random

_ALPHABETS = ('12,,"\n\n', "1,,\n ", '111,,\n\n" ', "12,;\n\t\n", 'x,"\n"', "12,,\né\ufeff")
_HEADERS = ("id,name,note\n", "id,name\n", '"id","name"\n')


def noise(seed: int, files: int) -> dict[str, str]:
    """Texts by file name, the same for the same seed."""
    chosen = random.Random(seed)
    found = {}
    for number in range(files):
        alphabet = chosen.choice(_ALPHABETS)
        text = "".join(chosen.choice(alphabet) for _ in range(chosen.randrange(50)))
        text = chosen.choice(_HEADERS) + text
        end = chosen.choice(("\n", "\n", "\r\n", "\r", "mixed"))
        ends = ["\n", "\r\n"] if end == "mixed" else [end]
        found[f"noise-{seed}-{number}.csv"] = "".join(chosen.choice(ends) if c == "\n" else c for c in text)
    return found


def header(text: str) -> list[str]:
    """The names in the first line of a text."""
    return next(csv.reader(io.StringIO(text, newline="")))


def records(text: str) -> list[list[str]]:
    """The records of a text as the csv module reads them, without the header; empty lines are none."""
    return [record for record in csv.reader(io.StringIO(text, newline="")) if record][1:]


def comparable(value: str) -> str:
    """A value without that in which readers differ: quotes that are not doubled, and spaces behind a closing one."""
    return value.replace('"', "").rstrip(" \t")
