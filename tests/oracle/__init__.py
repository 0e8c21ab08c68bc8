"""A second opinion on scores, written from docs/scoring.md alone. It imports nothing of Leadflow."""
