"""Measures Leadflow against hand-written floors on PostgreSQL (docs/performance.md)."""
