"""Words of each language, which a random text seldom hits: hypothesis joins them, a fuzzer puts them in."""

from tests.receiver.client import ALERT

EVENT: tuple[str, ...] = (
    '"rule":', '"priority":', '"time":', '"output":', '"output_fields":', '"source":', '"tags":', '"hostname":',
    '"RULE":', '"Warning"', '"info"', '"2026-05-06T07:08:09.123456789Z"', "+14:00", "{", "}", "[", "]", "null", "1e999",
    "-0.0", "99999999999999999999", "\\ud800", "\\u0000",
)  # fmt: skip
FILTER: tuple[str, ...] = (
    "and", "or", "not", "(", ")", ",", "=", "!=", ">=", "<", "in", "net", "exists", "regex", "glob", "pmatch",
    "priority", "time", "tags", "fd.rip", '"', "'", "\\", "a", "Warning", "10.0.0.0/8", "[", "]", "*", "{", " ",
)  # fmt: skip
TEMPLATE: tuple[str, ...] = (
    "if", "else", "end", "range", "with", "break", "continue", "define", "template", "block", "nil", "true", "eq",
    "lt", "index", "slice", "printf", "print", "len", "html", "js", "and", "or", "not", "call", "println", ".",
    ".a", ".n", ".list", ".map", ".null", ".x", ".Time", ".Tags", ".Format", "$", "$x", ":=", "=", ",", "|", "(",
    ")", '"a"', '"%d%v%5q%[2]*x"', "`r`", "'c'", "1", "-2.5", "0x1p4", "{{", "}}", "{{-", "-}}", "/*", "*/", " ",
)  # fmt: skip
VARIABLE: tuple[str, ...] = (
    ",", ":", "%HOME", "{", "}", "[", "]", "'", "\\", "true", "0x1F", "1h30m", "10MB", "5/m", "file:", "http://x",
    "Warning", '{"a": "b"}',
)  # fmt: skip
HTTP: tuple[bytes, ...] = (
    b"POST ", b"GET ", b"/", b"/ping", b" HTTP/1.1", b" HTTP/1.0", b"\r\n", b"\n", b"\r", b"\0", b": ", b"x", b"Host",
    b"Content-Length: 5", b"Content-Length: 99999999999999999999", b"Transfer-Encoding: chunked", b"5\r\n", b"0\r\n",
    b"Connection: close", b"Connection: upgrade", b"Upgrade: websocket", b"Expect: 100-continue", ALERT, b"{}",
    b"Content-Encoding: gzip", b"CONNECT a:1", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\xff\xfe", b"%zz", b"//", b"*",
)  # fmt: skip
