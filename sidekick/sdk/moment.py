"""Points in time, as people write them, and as they are told."""

from datetime import UTC, datetime, timedelta

from sidekick.sdk.settings import seconds


def moment(text: str) -> datetime:
    """`2h` ago, or an ISO 8601 date or time, UTC unless it says otherwise. Raises ValueError."""
    try:
        return datetime.now(UTC) - timedelta(seconds=seconds(text))
    except (ValueError, OverflowError):
        pass
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("write a duration such as 2h, or a time such as 2026-05-06T07:08:00Z") from None


def utc(moment: datetime) -> datetime:
    """The same in UTC; as it is on the first and the last day that Python knows, where the other day is none."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return moment
