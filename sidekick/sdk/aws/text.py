"""Texts that queues and topics take: the characters of XML 1.0, and no others.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

import re

from sidekick.event import Event

_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def json_text(event: Event) -> str:
    """The alert's JSON; what would be refused is written as an escape, which reads the same."""
    return _REFUSED.sub(lambda found: f"\\u{ord(found[0]):04x}", event.json.decode())


def plain_text(text: str) -> str:
    """The text with a replacement character for each that would be refused."""
    return _REFUSED.sub("\ufffd", text)
