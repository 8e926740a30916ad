"""Contracts and transforms belong together; loading a domain checks the one direction, this the other."""

from __future__ import annotations

from lakehouse.contracts.domains import domain_names, load_domain
from lakehouse.contracts.locations import PACKAGE
from lakehouse.contracts.sql import check_sql


def test_every_contract_is_right() -> None:
    for name in domain_names():
        check_sql(load_domain(name))


def test_every_transform_has_a_contract() -> None:
    contracts = {str(table) for name in domain_names() for table in load_domain(name).tables}
    modules = (path.relative_to(PACKAGE / "domains") for path in (PACKAGE / "domains").glob("*/*/*.py"))
    transforms = {".".join(path.with_suffix("").parts) for path in modules if path.name != "__init__.py"}
    assert transforms - contracts == set()
