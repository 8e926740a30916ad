"""What lies in a landing zone, and what of it is a delivery."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from lakehouse.contracts.names import TableId
from lakehouse.contracts.sources import CsvSource
from lakehouse.contracts.tables import BronzeTable
from lakehouse.errors import ConfigurationError, ObstacleError
from lakehouse.landing.listing import MissingDay, list_source, missing_days, relist

SOURCE = {"kind": "csv", "folder": "shop/orders", "files": "{date}/*.csv"}
TABLE = BronzeTable.model_validate(
    {
        "id": "shop.bronze.orders",
        "file": "orders.yml",
        "description": "Orders",
        "source": SOURCE,
        "columns": {"order_id": {}},
    }
)


def put(landing: Path, name: str, text: str = "order_id\n1\n") -> Path:
    path = landing / "shop" / "orders" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_files_that_fit_the_pattern_are_deliveries(tmp_path: Path) -> None:
    for name in ("2025-01-02/b.csv", "2025-01-02/a.csv.gz", "2025-01-01/c.csv"):
        put(tmp_path, name)
    listing = list_source(str(tmp_path), TABLE)
    assert [(file.delivery_id, file.delivery_date, file.size) for file in listing.files] == [
        ("orders/2025-01-01/c.csv", date(2025, 1, 1), 11),
        ("orders/2025-01-02/a.csv.gz", date(2025, 1, 2), 11),
        ("orders/2025-01-02/b.csv", date(2025, 1, 2), 11),
    ]
    assert listing.files[0].table == TableId("shop", "bronze", "orders")
    assert listing.files[0].path == str(tmp_path / "shop/orders/2025-01-01/c.csv")
    assert listing.strangers == ()


def test_other_files_are_strangers_and_hidden_ones_are_nothing(tmp_path: Path) -> None:
    for name in ("2025-13-01/a.csv", "2025-01-01/a.xlsx", "README", "old.tmp/a.csv"):
        put(tmp_path, name)
    for name in (
        ".DS_Store",
        "2025-01-01/.a.csv.swp",
        "_temporary/a.csv",
        "2025-01-01/_SUCCESS",
        "2025-01-01/a.csv.tmp",
    ):
        put(tmp_path, name)
    listing = list_source(str(tmp_path), TABLE)
    assert listing.files == ()
    assert listing.strangers == ("2025-01-01/a.xlsx", "2025-13-01/a.csv", "README", "old.tmp/a.csv")


def test_a_landing_zone_without_the_folder_holds_nothing(tmp_path: Path) -> None:
    listing = list_source(str(tmp_path), TABLE)
    assert (listing.files, listing.strangers) == ((), ())


def test_names_with_signs_of_patterns_are_names(tmp_path: Path) -> None:
    landing = tmp_path / "a [1] * {x}"
    put(landing, "2025-01-01/a [2]*.csv")
    assert [file.delivery_id for file in list_source(f"{landing}/", TABLE).files] == ["orders/2025-01-01/a [2]*.csv"]


def test_a_file_is_listed_again_as_it_is_now(tmp_path: Path) -> None:
    path = put(tmp_path, "2025-01-01/a.csv")
    file = list_source(str(tmp_path), TABLE).files[0]
    assert relist(file) == file
    path.write_text("order_id\n1\n2\n")
    now = relist(file)
    assert now and now.size == 13
    path.unlink()
    assert relist(file) is None


def link(landing: Path, name: str, target: Path) -> Path:
    path = landing / "shop" / "orders" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return path


def test_the_facts_of_a_link_are_those_of_its_target(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.csv"
    target.write_text("order_id\n1\n")
    os.utime(target, (1_000, 1_000))
    path = link(tmp_path, "2025-01-01/a.csv", target)
    (file,) = list_source(str(tmp_path), TABLE).files
    assert (file.delivery_id, file.path, file.size) == ("orders/2025-01-01/a.csv", str(path), 11)
    assert file.modified.split()[::2] == ["1000.0", str(target.stat().st_ino)]
    assert relist(file) == file


def test_a_target_that_changes_in_place_changes_the_facts_of_its_link(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.csv"
    target.write_text("order_id\n1\n")
    link(tmp_path, "2025-01-01/a.csv", target)
    (before,) = list_source(str(tmp_path), TABLE).files
    target.write_text("order_id\n2\n")
    os.utime(target, (2_000, 2_000))
    (after,) = list_source(str(tmp_path), TABLE).files
    assert (before.size, after.size) == (11, 11)
    assert after.modified.startswith("2000.0 ")
    assert (relist(before), relist(after)) == (after, after)


def test_links_to_nothing_and_to_themselves_are_listed_as_empty(tmp_path: Path) -> None:
    path = link(tmp_path, "2025-01-01/nothing.csv", tmp_path / "nothing")
    itself = link(tmp_path, "2025-01-01/self.csv", tmp_path / "shop/orders/2025-01-01/self.csv")
    files = list_source(str(tmp_path), TABLE).files
    assert [(file.delivery_id, file.size) for file in files] == [
        ("orders/2025-01-01/nothing.csv", 0),
        ("orders/2025-01-01/self.csv", 0),
    ]
    assert [file.modified.split()[2] for file in files] == [str(path.lstat().st_ino), str(itself.lstat().st_ino)]


def test_a_link_to_a_folder_is_not_followed(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere", "2025-01-01/a.csv")
    link(tmp_path, "2025-01-01", tmp_path / "elsewhere/shop/orders/2025-01-01")
    listing = list_source(str(tmp_path), TABLE)
    assert (listing.files, listing.strangers) == ((), ("2025-01-01",))


def test_files_are_recorded_as_they_were_recorded_before(tmp_path: Path) -> None:
    """In another form of time and size all that was ever delivered would be read again."""
    path = put(tmp_path, "2025-01-01/a.csv")
    os.utime(path, (1_000, 1_000.5))
    facts = LocalFileSystem().find(str(tmp_path), detail=True)[str(path)]
    (file,) = list_source(str(tmp_path), TABLE).files
    assert (file.size, file.modified) == (11, f"{facts['mtime']} {facts['created']} {facts['ino']}")
    assert file.modified.startswith("1000.5 ")


def failing(monkeypatch: pytest.MonkeyPatch, folder: Path, code: int) -> None:
    """Let a folder be one that the system does not list; permissions do not keep root out."""
    scandir: Callable[[Any], Any] = os.scandir

    def scan(path: Any) -> Any:
        if str(path) == str(folder):
            raise OSError(code, os.strerror(code), str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)


@pytest.mark.parametrize(
    ("below", "code", "why"),
    [
        ("2025-01-02", errno.EACCES, "Permission denied"),
        ("2025-01-02/late", errno.EIO, "Input/output error"),
        ("", errno.ESTALE, "Stale file handle"),
    ],
)
def test_a_folder_that_cannot_be_listed_is_not_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str, code: int, why: str
) -> None:
    for name in ("2025-01-01/a.csv", "2025-01-02/b.csv", "2025-01-02/late/c.csv"):
        put(tmp_path, name)
    folder = tmp_path / "shop" / "orders" / below
    failing(monkeypatch, folder, code)
    with pytest.raises(ObstacleError) as found:
        list_source(str(tmp_path), TABLE)
    assert str(found.value) == (
        f"The folder {folder} of the landing zone cannot be listed: {why}. What lies in it is not known, so this "
        "command goes no further: make the folder readable, then give the same command again."
    )


def test_a_file_of_which_nothing_can_be_said_stops_the_listing_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder may be read whose files may not be looked at."""
    put(tmp_path, "2025-01-01/a.csv")

    def info(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(LocalFileSystem, "info", info)
    with pytest.raises(ObstacleError, match=r"The folder .*/shop/orders of the landing zone .*: Permission denied\."):
        list_source(str(tmp_path), TABLE)


def test_a_folder_that_goes_while_it_is_listed_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "2025-01-01/a.csv")
    put(tmp_path, "2025-01-02/b.csv")
    failing(monkeypatch, tmp_path / "shop" / "orders" / "2025-01-02", errno.ENOENT)
    assert [file.delivery_id for file in list_source(str(tmp_path), TABLE).files] == ["orders/2025-01-01/a.csv"]


@pytest.mark.parametrize(
    ("landing", "why"),
    [
        ("foo://bucket/in", "Protocol not known: foo"),
        ("gs://bucket/in", "Please install gcsfs to access Google Storage"),
    ],
)
def test_an_address_that_nothing_here_reads(landing: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(ConfigurationError) as found:
        list_source(landing, TABLE)
    assert str(found.value) == (
        f"The landing zone {landing}/shop/orders cannot be read: {why}. "
        "Name a folder, or install what reads such addresses."
    )


def test_a_store_that_has_errors_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(*_: object, **__: object) -> None:
        raise RuntimeError("Unable to locate credentials")

    monkeypatch.setattr(MemoryFileSystem, "find", find)
    with pytest.raises(ObstacleError) as found:
        list_source("memory://in", TABLE)
    assert str(found.value) == (
        "The folder /in/shop/orders of the landing zone cannot be listed: Unable to locate credentials. What lies in "
        "it is not known, so this command goes no further: make the folder readable, then give the same command again."
    )


def test_a_hidden_folder_is_looked_into_for_manifests_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "2025-01-01/a.csv")
    put(tmp_path, "_manifests/2025-01-01.json", "{}")
    sealed = TABLE.model_copy(
        update={"source": CsvSource.model_validate({**SOURCE, "manifest": {"files": "_manifests/{date}.json"}})}
    )
    assert list(list_source(str(tmp_path), sealed).manifests) == ["_manifests/2025-01-01.json"]
    failing(monkeypatch, tmp_path / "shop" / "orders" / "_manifests", errno.EACCES)
    assert [file.delivery_id for file in list_source(str(tmp_path), TABLE).files] == ["orders/2025-01-01/a.csv"]
    with pytest.raises(ObstacleError, match="/_manifests of the landing zone cannot be listed"):
        list_source(str(tmp_path), sealed)


def source(name: str, files: str, **settings: bool) -> BronzeTable:
    place = {"kind": "csv", "folder": f"shop/{name}", "files": files, **settings}
    return TABLE.model_copy(update={"id": TableId("shop", "bronze", name), "source": CsvSource.model_validate(place)})


def missing(sources: list[BronzeTable], delivered: list[tuple[str, int | None]], first: int, last: int) -> list[str]:
    """What is missing of March 2025, of sources and days."""
    days = [(TableId("shop", "bronze", name), day and date(2025, 3, day)) for name, day in delivered]
    found = missing_days(sources, days, date(2025, 3, first), date(2025, 3, last))  # type: ignore[arg-type]
    return [str(one) for one in found]


def test_missing_days() -> None:
    orders = source("orders", "{date}/*.csv")
    delivered: list[tuple[str, int | None]] = [("orders", 3), ("orders", 5), ("orders", None)]
    assert missing([orders], delivered, 2, 6) == ["2025-03-02", "2025-03-04", "2025-03-06"]
    assert missing([orders], delivered, 5, 5) == []
    assert missing_days([orders], [], date(2025, 2, 28), date(2025, 3, 1)) == [
        MissingDay(date(2025, 2, 28), ""),
        MissingDay(date(2025, 3, 1), ""),
    ]


def test_each_source_misses_its_own_days() -> None:
    sources = [source("orders", "{date}/*.csv"), source("returns", "year={year}/month={month}/day={day}/*.csv")]
    delivered: list[tuple[str, int | None]] = [("orders", 3), ("returns", 4), ("orders", 5), ("returns", 5)]
    assert missing(sources, delivered, 3, 6) == [
        "2025-03-03 (returns)",
        "2025-03-04 (orders)",
        "2025-03-06 (orders)",
        "2025-03-06 (returns)",
    ]


def test_a_source_without_days_misses_none() -> None:
    prices = source("prices", "*.csv")
    assert missing([prices], [("prices", None)], 1, 3) == []
    assert missing([source("orders", "{date}.csv"), prices], [("orders", 1)], 1, 2) == ["2025-03-02"]


def test_a_source_that_does_not_deliver_every_day_misses_none() -> None:
    customers = source("customers", "{date}.csv", every_day=False)
    assert missing([customers], [("customers", 2)], 1, 3) == []
    assert missing([source("orders", "{date}.csv"), customers], [("orders", 1)], 1, 2) == ["2025-03-02"]
