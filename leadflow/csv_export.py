"""CSV for spreadsheets lives in `leads.csv_export`, because imports hand out files too."""

from leads.csv_export import Echo, cell

__all__ = ["Echo", "cell"]
