"""Frozen values and tables, no I/O."""
