"""Days and dates of the Gregorian calendar, for every year that Go can name.

Python's `datetime` begins with the year 1; Go's `time` also knows the year 0, which
is that of a time of day without a date, and years before it.
"""

from __future__ import annotations

DAY = 86_400  # seconds

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
WEEKDAYS = (
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
)

NOON = 12
FEBRUARY = 2
_LEAP_DAY_ENDS = 2  # months from the new year to the end of February
_MARCH_TO_DECEMBER = 10  # months
_DAYS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365)
_ERA = 146_097
"""Days in 400 years, after which the calendar repeats."""
_FROM_MARCH_0 = 719_468
"""Days from 1 March of the year 0 to 1 January 1970."""


def is_leap(year: int) -> bool:
    """Say whether `year` has a 29 February."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in(year: int, month: int) -> int:
    """Return the length of a month, 1 to 12."""
    if month == FEBRUARY and is_leap(year):
        return 29
    return _DAYS_BEFORE[month] - _DAYS_BEFORE[month - 1]


def days_before(month: int) -> int:
    """Return the days before a month, 1 to 13, in a year that is not leap."""
    return _DAYS_BEFORE[month - 1]


def to_days(year: int, month: int, day: int) -> int:
    """Return days since 1970 of a date whose month and day may be out of range.

    30 February is 1 or 2 March, as in Go's `time.Date`.
    """
    years, month = divmod(month - 1, 12)
    year += years
    # Years are counted from March, so that the leap day is the last one.
    year, month = (
        (year, month - 2) if month >= _LEAP_DAY_ENDS else (year - 1, month + 10)
    )
    era, year = divmod(year, 400)
    of_year = (153 * month + 2) // 5 + day - 1
    of_era = year * 365 + year // 4 - year // 100 + of_year
    return era * _ERA + of_era - _FROM_MARCH_0


def to_date(days: int) -> tuple[int, int, int]:
    """Return year, month and day of a count of days since 1970."""
    era, of_era = divmod(days + _FROM_MARCH_0, _ERA)
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    month += 3 if month < _MARCH_TO_DECEMBER else -9
    return year + era * 400 + (month <= FEBRUARY), month, day


def weekday(days: int) -> int:
    """Return the day of the week of a count of days since 1970; Sunday is 0."""
    return (days + 4) % 7
