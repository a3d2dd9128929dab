"""`html`, `js` and `urlquery`: a text made safe for one place each."""

from urllib.parse import quote_plus

_HTML = {
    ord(char): text for char, text in zip("\0\"'&<>", ["�", "&#34;", "&#39;", "&amp;", "&lt;", "&gt;"], strict=True)
}
_JS = {char: f"\\{char}" for char in "\\'\""} | {char: f"\\u{ord(char):04X}" for char in "<>&="}


def html(text: str) -> str:
    return text.translate(_HTML)


def js(text: str) -> str:
    return "".join(_JS.get(char) or _js_character(char) for char in text)


def urlquery(text: str) -> str:
    return quote_plus(text, safe="", errors="replace")


def _js_character(char: str) -> str:
    plain = char >= " " if char.isascii() else char.isprintable()
    return char if plain else f"\\u{ord(char):04X}"
