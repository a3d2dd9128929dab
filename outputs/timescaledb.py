"""TimescaleDB and any other PostgreSQL: each alert as a row of a table, a batch as one transaction.

The table has to exist. A resend leaves no second row where it has a column `uuid` in a unique index (that of a
hypertable holds `time` too):

    CREATE TABLE falcosidekick_events (time timestamptz NOT NULL, rule text, priority text, source text, output text,
                                       tags text, hostname text, uuid uuid, UNIQUE (uuid, time));
"""

from collections.abc import Sequence
from typing import Any, cast

from pydantic import SecretStr

from sidekick.sdk import (
    BatchLimits,
    Context,
    Event,
    Flag,
    MisconfiguredError,
    Output,
    OutputSettings,
    PermanentError,
    RetryableError,
    Secret,
    Text,
)
from sidekick.sdk.address import Host
from sidekick.sdk.extras import optional
from sidekick.sdk.inflight import settle
from sidekick.sdk.labels import text_of
from sidekick.sdk.settings import Port

_ALWAYS = ("time", "rule", "priority", "source", "output", "tags", "hostname")
_LONGEST_NAME = 63  # bytes: NAMEDATALEN, less its end
# The table's name as it is to be quoted, and its columns; a name that is not quoted is in small letters for PostgreSQL.
_COLUMNS = """
SELECT c.oid::regclass::text, a.attname, format_type(a.atttypid, NULL)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.oid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped
"""
# The columns of each unique index that has one named uuid: what ON CONFLICT can be told.
_KEYS = """
SELECT array_agg(a.attname::text) AS names
FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
WHERE i.indrelid = $1::text::regclass AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
  AND i.indnatts = i.indnkeyatts
GROUP BY i.indexrelid HAVING 'uuid' = ANY (array_agg(a.attname::text))
"""


class TimescaledbSettings(OutputSettings):
    """Keys of `timescaledb`."""

    host: Host = ""
    """Server."""
    port: Port = 5432
    """Its port."""
    user: Text = "postgres"
    """User."""
    password: Secret = SecretStr("postgres")
    """Password of `user`."""
    database: Text = "falcosidekick"
    """Database."""
    hypertablename: Text = "falcosidekick_events"
    """Table, with its schema or without, and with a column for each custom and templated field."""
    tls: Flag = False
    """Speak nothing but TLS; unset, TLS is spoken where the server can, with whoever it is."""
    checkcert: Flag = True
    """Verify the server's certificate, with `tls`; false accepts anybody's."""
    mutualtls: Flag = False
    """Present the client certificate of `mutualtlsclient`; implies `tls`."""


class Timescaledb(Output[TimescaledbSettings]):
    Settings = TimescaledbSettings
    title = "TimescaleDB"
    category = "metrics"
    website = "https://www.timescale.com"
    arrives = "A row: time, rule, priority, source, output, tags, hostname, and a column for each custom field."
    requires = ("host",)
    example = {"host": "timescaledb", "password": "PASSWORD"}
    limits = BatchLimits(count=500, bytes=8 << 20)
    extra = "postgres"

    def __init__(self, settings: TimescaledbSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._connection: Any = None  # the library has no types
        self._statement = ""

    async def connect(self) -> None:
        with optional("postgres"):
            import asyncpg  # noqa: PLC0415

        await self.close()
        names, settings = _columns(self.context.custom_fields), self.settings
        encrypted = settings.tls or settings.mutualtls
        tls = self.context.tls.context(verify=settings.checkcert, mutual=settings.mutualtls) if encrypted else None

        async def open_table() -> None:
            self._connection = await cast("Any", asyncpg.connect)(
                host=settings.host,
                port=settings.port,
                user=settings.user,
                password=settings.password.get_secret_value(),
                database=settings.database,
                timeout=settings.timeout,
                ssl=tls,
            )
            self._statement = await self._prepared(self._connection, names)

        await settle([open_table()], _verdict)

    async def _prepared(self, connection: Any, ours: Sequence[str]) -> str:
        """The INSERT that suits the table as it is. Values go as texts, which the server turns into its own types."""
        columns = await connection.fetch(_COLUMNS, self.settings.hypertablename)
        types: dict[str, str] = {name: kind for _, name, kind in columns}
        names = [*ours, *(["uuid"] if "uuid" in types else [])]
        if missing := [name for name in names if name not in types]:
            raise MisconfiguredError(f"the table has no column {', '.join(missing)}")
        values = ", ".join(f"${place}::text::{types[name]}" for place, name in enumerate(names, 1))
        keys = await connection.fetch(_KEYS, self.settings.hypertablename)
        known = f" ON CONFLICT ({_listed(keys[0]['names'])}) DO NOTHING" if keys else ""
        return f"INSERT INTO {columns[0][0]} ({_listed(names)}) VALUES ({values}){known}"  # noqa: S608

    async def send(self, events: Sequence[Event]) -> None:
        if self._connection is None or self._connection.is_closed():
            await self.connect()
        assert self._connection is not None
        # One transaction: all rows or none.
        await settle([self._connection.executemany(self._statement, [self._row(event) for event in events])], _verdict)

    def _row(self, event: Event) -> list[str | None]:
        row: list[str | None] = [event.datetime.isoformat(), event.rule, event.priority.value, event.source]
        row += [event.output, ",".join(event.tags) or None, event.hostname or None]
        row += [text_of(event, name) or None for name in self.context.custom_fields]
        row += [event.uuid] if '"uuid"' in self._statement else []
        # PostgreSQL stores no NUL character.
        return [value and value.replace("\0", "") for value in row]

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


def _columns(fields: Sequence[str]) -> list[str]:
    """Of an alert's own values and of these fields; raises `MisconfiguredError` where one can have none of its own."""
    names = [*_ALWAYS]
    for field in fields:
        what, name = f"the field of customfields or templatedfields {field!r}", field.lower()
        if len(name.encode()) > _LONGEST_NAME:
            short = name.encode()[:_LONGEST_NAME].decode(errors="ignore")
            limit = f"write a name of {_LONGEST_NAME} bytes at most, such as {short!r}"
            raise MisconfiguredError(f"{what}: PostgreSQL cuts the names of columns; {limit}")
        if name in (*names, "uuid"):
            raise MisconfiguredError(f"{what}: the column {name} is taken; write some other name")
        names.append(name)
    return names


def _listed(names: Sequence[str]) -> str:
    return ", ".join('"{}"'.format(name.replace('"', '""')) for name in names)


def _verdict(error: Exception) -> RetryableError | PermanentError:
    import asyncpg  # noqa: PLC0415

    # The last is for a value that no index takes, as long as it is.
    if isinstance(
        error, asyncpg.DataError | asyncpg.IntegrityConstraintViolationError | asyncpg.ProgramLimitExceededError
    ):
        return PermanentError(f"PostgreSQL refused the row: {error}")
    if isinstance(
        error,
        asyncpg.InvalidAuthorizationSpecificationError
        | asyncpg.InvalidCatalogNameError
        | asyncpg.SyntaxOrAccessError
        | asyncpg.InvalidNameError,
    ):
        return MisconfiguredError(f"PostgreSQL: {error}")
    if not isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError | OSError | TimeoutError):
        raise error
    wrong = "certificate" in str(error).lower()
    return (MisconfiguredError if wrong else RetryableError)(f"PostgreSQL: {str(error) or type(error).__name__}")
