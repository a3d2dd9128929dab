"""ClickHouse: alerts as rows of a table, by its HTTP interface.

Rows that were sent twice are one row once ClickHouse has merged them, and at once in a query with `FINAL`.
"""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from sidekick.sdk import (
    NO_SECRET,
    Answer,
    BatchLimits,
    Event,
    Flag,
    HttpOutput,
    HttpSettings,
    MisconfiguredError,
    PermanentError,
    Request,
    Secret,
    Text,
    encode_json,
    shown,
    verdict,
)

_TABLE = """\
CREATE TABLE IF NOT EXISTS {table} (uuid UUID, time {time}, hostname {word}, rule {word}, priority {word},
source {word}, tags Array({word}), output String, output_fields String)
ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(time) ORDER BY (time, uuid)"""
_TYPES = {"time": "DateTime64(9, 'UTC')", "word": "LowCardinality(String)"}
_TYPES_BEFORE_20 = {"time": "DateTime('UTC')", "word": "String"}
# Times are read in their own offset, and a table need not have all columns.
_INSERT = {"date_time_input_format": "best_effort", "input_format_skip_unknown_fields": "1"}
# Server errors by their numbers: https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp
_CODE = re.compile(rb"Code: (\d+)")
_REFUSED_ROW = {6, 25, 26, 27, 38, 41, 53, 72, 117, 376}  # some value cannot be read, or not as its column's type
_REFUSED_LOGIN = {164, 192, 193, 194, 291, 497, 516}


class ClickhouseSettings(HttpSettings):
    """Keys of `clickhouse`."""

    hostport: Text = ""
    """Base URL of the HTTP interface, such as http://clickhouse:8123."""
    database: Text = "default"
    """Database of the table; it must be there."""
    table: Text = "falco"
    """Table with the columns uuid, time, hostname, rule, priority, source, tags, output and output_fields (a text in
    JSON), or some of them."""
    createtable: Flag = False
    """Create the table when it is not there."""
    user: Text = ""
    """User; unset: ClickHouse's own, `default`."""
    password: Secret = NO_SECRET
    """Password of `user`."""


class Clickhouse(HttpOutput[ClickhouseSettings]):
    Settings = ClickhouseSettings
    title = "ClickHouse"
    category = "database"
    website = "https://clickhouse.com"
    requires = ("hostport",)
    example = {"hostport": "http://clickhouse:8123", "createtable": True}
    # Each insert makes a part on the disk, which are merged later: few and large ones.
    limits = BatchLimits(count=10_000, bytes=16 << 20, linger=1.0)
    idempotent = True

    async def connect(self) -> None:
        await super().connect()
        if self.settings.createtable:
            version = re.match(rb"\d+", (await self._ask("SELECT version()")).body)
            if version is None:
                raise MisconfiguredError("something answers that is no ClickHouse")
            types = _TYPES if int(version[0]) >= 20 else _TYPES_BEFORE_20
            await self._ask(_TABLE.format(table=self._table(), **types))

    async def _ask(self, query: str) -> Answer:
        answer = await self.request(self._request(query.encode()))
        self.read_answer(answer, ())
        return answer

    def encode(self, events: Sequence[Event]) -> Request:
        rows = b"".join(encode_json(_row(event)) + b"\n" for event in events)
        return self._request(rows, query=f"INSERT INTO {self._table()} FORMAT JSONEachRow", **_INSERT)

    def _request(self, body: bytes, **parameters: str) -> Request:
        settings = self.settings
        login = {"X-ClickHouse-User": settings.user, "X-ClickHouse-Key": settings.password.get_secret_value()}
        headers = {name: value for name, value in login.items() if value}
        query = f"?{urlencode(parameters)}" if parameters else ""
        return Request(f"{settings.hostport.rstrip('/')}/{query}", body, headers)

    def _table(self) -> str:
        return f"{_quoted(self.settings.database)}.{_quoted(self.settings.table)}"

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        """By the error's number where the status would say less: many are 500."""
        code = _CODE.match(answer.body)
        number = int(code[1]) if code and answer.status >= 400 else 0
        if number in _REFUSED_ROW:
            raise PermanentError(shown(answer.body))
        if number in _REFUSED_LOGIN:
            raise MisconfiguredError(shown(answer.body))
        verdict(answer)


def _row(event: Event) -> dict[str, Any]:
    return {
        "uuid": event.uuid,
        "time": event.time,
        "hostname": event.hostname,
        "rule": event.rule,
        "priority": event.priority.value,
        "source": event.source,
        "tags": event.tags,
        "output": event.output,
        "output_fields": encode_json(event.fields).decode(),
    }


def _quoted(name: str) -> str:
    escaped = name.replace("\\", r"\\").replace("`", r"\`")
    return f"`{escaped}`"
