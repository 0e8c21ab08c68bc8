"""Lists of people from files: read, mapped, previewed, imported so that a kill loses and doubles nothing, undone."""
