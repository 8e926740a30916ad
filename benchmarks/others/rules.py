"""The rules of billing that rows of the measured deliveries can break, for engines that know no contracts."""

from __future__ import annotations

from tests.oracle.billing import COLUMNS, ISO_4217

__all__ = ["COLUMNS", "CREDIT", "CURRENCIES", "KEYS", "REQUIRED", "TIERS", "TIMESTAMP"]

KEYS = ("usage_timestamp", "resource_id", "user_id", "invoice_id")
REQUIRED = ("resource_id", "user_id", "invoice_id", "service_tier", "success", "currency")
TIERS = ("free", "standard", "premium", "enterprise")
CURRENCIES = tuple(ISO_4217)
TIMESTAMP = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d"
"""How a timestamp begins; times of day alone would be taken for today's."""
CREDIT = r"^-\d{1,12}(\.\d{1,8}0*)?$"
"""A debit that fits decimal(20,8)."""
