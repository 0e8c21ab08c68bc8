"""The demo: twelve months of an invented company's funnel, played through the real engine day by day."""
