"""Retail's summaries."""
