"""Figures of the report, drawn from tables and label maps."""
