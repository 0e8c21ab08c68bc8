"""Whether this process may follow one that scoring killed: then an attempt is counted before it is made."""

_suspect = False


def suspect() -> None:
    """Say that this process has just started, perhaps in place of one that died; until something went well."""
    global _suspect
    _suspect = True


def is_suspect() -> bool:
    """Tell whether the next batch may be the one that an earlier process died of."""
    return _suspect


def went_well() -> None:
    """Say that a batch was scored."""
    global _suspect
    _suspect = False
