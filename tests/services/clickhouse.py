"""ClickHouse, as Debian packages it: 18.16, years older than what people run."""

import json
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.services.server import Server

USER, PASSWORD = "alice", "alice-secret"
_CONFIG = """\
<yandex>
  <logger><level>warning</level><console>1</console></logger>
  <listen_host>127.0.0.1</listen_host>
  <http_port>{port}</http_port>
  <tcp_port>{tcp}</tcp_port>
  <path>{home}/data/</path>
  <tmp_path>{home}/tmp/</tmp_path>
  <users_config>{home}/users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <mark_cache_size>5368709120</mark_cache_size>
  <keep_alive_timeout>1</keep_alive_timeout>
  <timezone>Asia/Tokyo</timezone>
</yandex>
"""
# The reader is for tests of what a login without rights is answered.
_USERS = """\
<yandex>
  <profiles><default/><readonly><readonly>1</readonly></readonly></profiles>
  <quotas><default/></quotas>
  <users>
    <default><password/><networks><ip>127.0.0.1</ip></networks><profile>default</profile>
      <quota>default</quota></default>
    <{user}><password>{password}</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile>
      <quota>default</quota></{user}>
    <reader><password/><networks><ip>127.0.0.1</ip></networks><profile>readonly</profile><quota>default</quota></reader>
  </users>
</yandex>
"""


class ClickHouse(Server):
    """Its own time zone is Tokyo's, so that a time which is read in the wrong one shows."""

    ports = 2

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        (home / "config.xml").write_text(_CONFIG.format(port=self.port, tcp=self.port + 1, home=home))
        (home / "users.xml").write_text(_USERS.format(user=USER, password=PASSWORD))

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def command(self) -> list[str]:
        return ["clickhouse-server", f"--config-file={self.home}/config.xml"]

    def answers(self) -> bool:
        return self.ask("SELECT 1") == "1\n"

    def ask(self, query: str) -> str:
        """The answer to one query, as text."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", f"/?{urlencode({'user': USER, 'password': PASSWORD})}", query.encode())
            answer = connection.getresponse()
            text = answer.read().decode()
            assert answer.status == 200, text
            return text
        finally:
            connection.close()

    def rows(self, query: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.ask(f"{query} FORMAT JSONEachRow").splitlines()]
