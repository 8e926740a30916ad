"""Billing: usage records to consumption figures."""
