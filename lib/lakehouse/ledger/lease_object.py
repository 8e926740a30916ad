"""The object that a lease lies in, read and written through obstore."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from lakehouse.contracts.lakes import Lake
from lakehouse.errors import ConfigurationError
from lakehouse.ledger.lease_record import ConflictError, DeniedError, UnreachableError

if TYPE_CHECKING:
    from obstore.store import S3Store

_ROLE = "/latest/api/token"
"""Where a machine of Amazon's is asked for its role's credentials, which is done when there are no others."""


class LeaseObject:
    """``<lake>/<domain>/writer.lease`` in an S3 bucket.

    Credentials, region and endpoint are taken from the usual variables (AWS_ACCESS_KEY_ID, AWS_REGION,
    AWS_ENDPOINT_URL and so on) or from the machine's role. ``seconds`` bounds each request.
    Raises ConfigurationError for another kind of store.
    """

    def __init__(self, lake: Lake, domain: str, seconds: float) -> None:
        from obstore.store import S3Store

        scheme, _, rest = lake.root.partition("://")
        bucket, _, folder = rest.partition("/")
        if scheme not in ("s3", "s3a") or not bucket:
            raise ConfigurationError(
                f"The lake {lake.root} is in no store that leases can be kept in. Example: s3://bucket/lake"
            )
        self.place = f"{lake.domain(domain)}/writer.lease"
        self._bucket = bucket
        self._path = f"{domain}/writer.lease"
        limit = timedelta(seconds=seconds)
        self._store: S3Store = S3Store(
            bucket,
            prefix=folder or None,
            # Plain http is used only where the endpoint itself says so.
            client_options={"allow_http": True, "connect_timeout": limit, "timeout": limit},
            # Whoever uses a lease tries again itself, and knows for how long.
            retry_config={"max_retries": 0},
        )

    def read(self) -> tuple[bytes, str] | None:
        """The content and its ETag; None when there is no object."""
        import obstore
        from obstore.exceptions import BaseError

        try:
            found = obstore.get(self._store, self._path)
            return bytes(found.bytes()), self._version(found.meta["e_tag"])
        except FileNotFoundError:
            return None
        except BaseError as error:
            raise self._explained(error, "read") from error

    def write(self, content: bytes, over: str | None) -> str:
        """Write over the version of that ETag, or where nothing is (None); return the new ETag."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

        try:
            done = obstore.put(self._store, self._path, content, mode="create" if over is None else {"e_tag": over})
            return self._version(done["e_tag"])
        except (AlreadyExistsError, PreconditionError) as error:
            raise ConflictError from error
        except FileNotFoundError as error:
            raise DeniedError(f"{self.place} cannot be written: there is no bucket '{self._bucket}'.") from error
        except BaseError as error:
            raise self._explained(error, "written") from error

    def _version(self, e_tag: str | None) -> str:
        if not e_tag:
            raise ConfigurationError(f"{self.place}: the store gives no ETags, so that no lease can be kept in it.")
        return e_tag

    def _explained(self, error: Exception, verb: str) -> UnreachableError:
        from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

        if isinstance(error, PermissionDeniedError | UnauthenticatedError):
            return DeniedError(
                f"{self.place} cannot be {verb}: the store refuses these credentials. They need s3:GetObject and "
                f"s3:PutObject on it, and s3:ListBucket on '{self._bucket}'."
            )
        # What follows the first line is the inner life of the library.
        text = re.sub(r" in [^ ]+, after .* retry_timeout: \S+ ", "", str(error).splitlines()[0])
        if _ROLE in text:
            return DeniedError(
                f"{self.place} cannot be {verb}: there are no credentials, neither in the variables AWS_ACCESS_KEY_ID "
                "and AWS_SECRET_ACCESS_KEY nor from a role of this machine."
            )
        return UnreachableError(f"{self.place} cannot be {verb}: {text}")
