"""From contracts to tables: which columns of a history make no version."""

from __future__ import annotations

from lakehouse.contracts.columns import Column
from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import SilverTable
from lakehouse.steps.shapes import keyed_table


def test_what_follows_from_columns_of_type_1_alone_makes_no_version() -> None:
    found = load_domain("retail").tables[TableId.parse("retail.silver.dim_customer")]
    assert isinstance(found, SilverTable)
    derived = {
        "has_phone": "phone IS NOT NULL",
        "reachable": "has_phone OR web IS NOT NULL",
        "phone_by_city": "concat(city, phone)",
        "came_late": "delivery_date > DATE'2025-01-01'",
        "constant": "1 = 1",
        "since": "to_date(web)",
    }
    more = {name: Column(type="boolean", description="x", derived=sql) for name, sql in derived.items()}
    # The day from which a version holds is each version's own, whatever it follows from.
    write = found.write.model_copy(update={"valid_from": "since"})
    table = found.model_copy(update={"columns": {**found.columns, **more}, "write": write})
    history = keyed_table(table, Lake.at("/lake")).history
    assert history is not None
    assert history.type_1 == (
        "phone", "phone_2", "web", "phone_null_marker", "phone_2_null_marker", "has_phone", "reachable",
    )  # fmt: skip
    assert history.tracked == (
        "first_name", "last_name", "company_name", "address", "city", "state", "county", "postal_code", "country",
        "country_source", "email", "phone_by_city", "came_late", "constant",
    )  # fmt: skip
