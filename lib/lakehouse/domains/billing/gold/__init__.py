"""Billing's summaries."""
