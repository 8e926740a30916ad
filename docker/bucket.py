"""Create the bucket that S3_BUCKET names in the store at S3_ENDPOINT, unless it is there: run once at every start."""

from __future__ import annotations

import os
from typing import Any

import boto3
from botocore.exceptions import ClientError

_THERE = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


def create_bucket(store: Any, name: str) -> bool:
    """Create a bucket; False when it is there already. Raises what the store says otherwise."""
    try:
        store.create_bucket(Bucket=name)
    except ClientError as error:
        if error.response["Error"]["Code"] in _THERE:
            return False
        raise
    return True


if __name__ == "__main__":
    # Key and secret come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
    create_bucket(boto3.client("s3", endpoint_url=os.environ["S3_ENDPOINT"]), os.environ["S3_BUCKET"])
