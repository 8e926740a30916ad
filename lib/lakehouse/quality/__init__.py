"""Conform rows, judge them, judge deliveries, and keep what was found wanting."""
