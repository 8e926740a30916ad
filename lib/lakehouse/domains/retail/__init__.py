"""Retail: orders, customers and a fiscal calendar to sales figures."""
