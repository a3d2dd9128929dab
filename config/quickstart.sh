#!/bin/bash
# Starts sidekick on quickstart.yaml, sends it one alert as Falco would, and says where the alert went.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
send='from urllib.request import urlopen; urlopen("http://127.0.0.1:2801/test", b"", timeout=5)'
(
  # $$ is sidekick once it has replaced this shell: where it does not start, nothing is sent.
  until .venv/bin/python -c "$send" 2>/dev/null; do
    sleep 0.2
    kill -0 $$ 2>/dev/null || exit
  done
  cat <<'SAY'

sidekick runs, and was sent one test alert. It is above, as the output `stdout` writes it, and here:
  http://127.0.0.1:2802                  on the page, to be searched
  tail -n 1 data/events.jsonl            the output `file`
  http://localhost:2801/metrics          counted, by rule and by output
Point Falco's http_output at http://localhost:2801/; Ctrl-C ends sidekick, and data/ keeps its journal.

SAY
) &
exec .venv/bin/sidekick -c config/quickstart.yaml
