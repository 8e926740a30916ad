"""Retail's conformed tables."""
