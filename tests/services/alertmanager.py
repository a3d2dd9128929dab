"""Alertmanager, as Debian packages it."""

import json
import urllib.request
from typing import Any

from tests.services.server import Server


class Alertmanager(Server):
    """Alone, without a cluster; its alerts are in memory only."""

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def command(self) -> list[str]:
        config = self.home / "alertmanager.yml"
        config.write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
        return [
            "prometheus-alertmanager",
            f"--config.file={config}",
            f"--storage.path={self.home}",
            f"--web.listen-address={self.address}",
            "--cluster.listen-address=",
        ]

    def answers(self) -> bool:
        with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:
            return answer.status == 200

    def alerts(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=5) as answer:
            return json.load(answer)
