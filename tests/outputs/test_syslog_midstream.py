"""rsyslog, ended in mid-stream. Syslog has no acknowledgement: an alert is delivered when the server's kernel has it,
and what the server has not read from there at its end is lost. By UDP nobody says what came at all."""

from pathlib import Path

import pytest

from outputs.syslog import Syslog, SyslogSettings
from sidekick.sdk import Context
from sidekick.sdk.tls import ClientTls
from tests.outputs.midstream import RETRY, restart, through
from tests.services.rsyslog import Rsyslog

SINCE = 100  # that many at the least come after the restart


@pytest.mark.service
@pytest.mark.parametrize("end", ["kill", "stop"])
@pytest.mark.parametrize("protocol", ["tcp", "tls"])
async def test_a_server_ended_in_mid_stream_misses_only_what_it_had_not_read(
    protocol: str, end: str, tmp_path: Path
) -> None:
    with Rsyslog(tmp_path / "rsyslog") as server:
        port = server.secure if protocol == "tls" else server.port
        chosen = {"host": "localhost", "port": port, "protocol": protocol, "retry": RETRY, "batch": {"count": 20}}
        output = Syslog(SyslogSettings.model_validate(chosen), Context(tls=ClientTls(cafile=str(server.authority))))
        events = await through(output, tmp_path, restart(getattr(server, end), server), between=SINCE)
        server.stop()
        there = "\n".join(server.lines())
    missing = [number for number, event in enumerate(events) if event.uuid not in there]
    first, last = min(missing, default=0), max(missing, default=-1)
    assert missing == [*range(first, last + 1)], "they were on their way together"
    assert last < len(events) - SINCE
