"""Feeds: recorded market data and event logs as messages."""
