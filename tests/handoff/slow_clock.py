"""Working time counted minute by minute: slow, plain, and with no code in common with `handoff.workhours`."""

from datetime import UTC, timedelta

MINUTE = timedelta(minutes=1)


def counts(moment, zone, week, days_off):
    """Tell whether the minute from `moment` on is working time, by the wall clock."""
    wall = moment.astimezone(zone)
    minute = wall.hour * 60 + wall.minute
    return wall.date() not in days_off and any(begin <= minute < end for begin, end in week[wall.weekday()])


def due(start, minutes, zone, week, days_off):
    """Walk on from `start`, a whole minute, until so many minutes counted."""
    moment = start.astimezone(UTC)
    while minutes:
        minutes -= counts(moment, zone, week, days_off)
        moment += MINUTE
    return moment


def between(start, end, zone, week, days_off):
    """Count the minutes between two whole minutes."""
    moment, found = start.astimezone(UTC), 0
    while moment < end:
        found += counts(moment, zone, week, days_off)
        moment += MINUTE
    return found
