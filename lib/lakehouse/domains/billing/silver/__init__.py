"""Billing's conformed tables."""
