"""The object of a lease in S3: where it lies, and which stores and credentials will not do."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

from lakehouse.contracts.lakes import Lake
from lakehouse.errors import ConfigurationError
from lakehouse.ledger.lease import Lease, Pace
from lakehouse.ledger.lease_object import LeaseObject
from lakehouse.ledger.lease_record import ConflictError, DeniedError, UnreachableError
from lakehouse.ledger.lease_taking import take
from tests.ledger.object_store import ObjectStore


def taken(root: str = "s3://bucket/lake") -> Lease:
    return take(LeaseObject(Lake.at(root), "shop", 5), "shop", "run-1", Pace(60, 1, 0.01), print)


@pytest.mark.parametrize(
    ("root", "path"),
    [
        ("s3://bucket/lake", "/bucket/lake/shop/writer.lease"),
        ("s3a://bucket/a/b/", "/bucket/a/b/shop/writer.lease"),
        ("s3://bucket", "/bucket/shop/writer.lease"),
        ("s3://bucket/my lake", "/bucket/my%20lake/shop/writer.lease"),
        ("s3://bucket/50%25", "/bucket/50%2525/shop/writer.lease"),
    ],
)
def test_where_a_lease_lies(store: ObjectStore, root: str, path: str) -> None:
    lease = taken(root)
    assert list(store.objects) == [path]
    lease.check()
    assert lease.release()
    assert taken(root).record.token == 2


@pytest.fixture
def moto(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A stand-in that others wrote, in place of ours."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    bucket = urllib.request.Request(f"http://{host}:{port}/bucket", method="PUT")
    urllib.request.urlopen(bucket, timeout=60).close()
    yield
    server.stop()


@pytest.mark.parametrize("stand_in", ["store", "moto"])
def test_conditions_of_a_put(stand_in: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(stand_in)
    place = LeaseObject(Lake.at("s3://bucket/lake"), "shop", 5)
    first = place.write(b"1", None)
    second = place.write(b"2", first)
    assert first != second
    for content, over in ((b"3", None), (b"3", first)):
        with pytest.raises(ConflictError):
            place.write(content, over)
    assert place.read() == (b"2", second)
    nowhere = LeaseObject(Lake.at("s3://bucket/lake"), "other", 5)
    with pytest.raises(ConflictError):
        nowhere.write(b"3", second)
    assert nowhere.read() is None


@pytest.mark.parametrize("root", ["gs://bucket/lake", "abfss://files@account/lake", "s3://"])
def test_other_stores_are_refused(root: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        LeaseObject(Lake(root), "shop", 5)
    assert str(caught.value) == (
        f"The lake {root} is in no store that leases can be kept in. Example: s3://bucket/lake"
    )


@pytest.mark.parametrize("status", ["401", "403"])
def test_credentials_that_may_not(store: ObjectStore, status: str) -> None:
    store.gets.append(status)
    with pytest.raises(DeniedError) as caught:
        taken()
    assert str(caught.value) == (
        "s3://bucket/lake/shop/writer.lease cannot be read: the store refuses these credentials. They need "
        "s3:GetObject and s3:PutObject on it, and s3:ListBucket on 'bucket'."
    )
    assert int(caught.value.exit_code) == 2
    store.puts.append(status)
    with pytest.raises(DeniedError, match="cannot be written: the store refuses these credentials"):
        taken()


def test_a_bucket_that_is_not_there(store: ObjectStore) -> None:
    with pytest.raises(DeniedError) as caught:
        LeaseObject(Lake.at("s3://bukcet/lake"), "shop", 5).write(b"1", None)
    assert str(caught.value) == ("s3://bukcet/lake/shop/writer.lease cannot be written: there is no bucket 'bukcet'.")
    with pytest.raises(DeniedError, match="there is no bucket 'bukcet'"):
        taken("s3://bukcet/lake")


def test_no_credentials(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", store.url)
    with pytest.raises(DeniedError) as caught:
        taken()
    assert str(caught.value) == (
        "s3://bucket/lake/shop/writer.lease cannot be read: there are no credentials, neither in the variables "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor from a role of this machine."
    )


def test_nobody_there(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.server_close()
    with pytest.raises(UnreachableError) as caught:
        taken()
    assert re.fullmatch(
        r"s3://bucket/lake/shop/writer\.lease cannot be read: Generic S3 error: Error performing GET "
        rf"{re.escape(store.url)}/bucket/lake/shop/writer\.lease in \S+ - HTTP error: error sending request",
        str(caught.value),
    )


@pytest.mark.parametrize("header", ["If-None-Match", "If-Match"])
def test_a_store_that_ignores_conditions_is_refused(store: ObjectStore, header: str) -> None:
    store.ignored.add(header)
    with pytest.raises(ConfigurationError) as caught:
        taken()
    assert str(caught.value) == (
        f"The store of s3://bucket/lake/shop/writer.lease ignores the condition {header} of a put, so two writers "
        "could not be kept apart in it. Amazon S3 keeps such conditions; other stores may need a newer version."
    )
    assert store.lease["state"] == "free"
