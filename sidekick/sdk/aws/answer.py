"""What AWS's answers mean. All its services name an error by a code, in one of three places."""

import re
from collections.abc import Iterable, Mapping
from xml.etree import ElementTree

from sidekick.sdk.errors import MisconfiguredError, PartialError, PermanentError, RetryableError
from sidekick.sdk.http import Answer, retry_after, shown, verdict

_CODE = re.compile(rb'"(?:__type|code)"\s*:\s*"(?:[^"#]*#)?([\w.]+)|<Code>\s*([\w.]+)', re.IGNORECASE)
# Parts of codes: each service has its own spelling. From the retryable errors of AWS's SDKs
# (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html) and each service's API reference.
_TEMPORARY = re.compile(
    "Throttl|TooManyRequests|LimitExceeded|ThroughputExceeded|SlowDown|RequestTimeout|Unavailable|Internal"
    "|OperationAborted|PriorRequestNotComplete"
)
_WRONG_SETTINGS = re.compile(
    "AccessDenied|Authori[sz]|AuthFailure|UnrecognizedClient|InvalidClientTokenId|AccessKeyId|AuthenticationToken"
    "|Signature|Token|RequestExpired|TimeTooSkewed|OptIn|NotFound|DoesNotExist|NonExistent|NoSuch|KMS|Kms"
)


def check(answer: Answer) -> None:
    """The verdict of a whole answer: `sidekick.sdk.http.verdict`, where the code does not know better."""
    if answer.status < 300:
        return
    code = error_code(answer)
    # An answer about a signature repeats what was signed, and a token is part of that.
    detail = code if "Signature" in code else shown(answer.body)
    message = f"HTTP {answer.status}: {detail}"
    if _TEMPORARY.search(code):
        raise RetryableError(message, retry_after(answer.headers.get("retry-after")))
    if _WRONG_SETTINGS.search(code):
        raise MisconfiguredError(message)
    verdict(answer)


def refusal(code: str, message: str, *, ours: bool) -> RetryableError | PermanentError:
    """The verdict of one item of a batch; `ours`: AWS says that the item is at fault."""
    text = f"{code}: {message}"
    if _WRONG_SETTINGS.search(code):
        return MisconfiguredError(text)
    return PermanentError(text) if ours and not _TEMPORARY.search(code) else RetryableError(text)


def settle(count: int, taken: Iterable[str], refused: Mapping[str, RetryableError | PermanentError]) -> None:
    """The verdict of a batch whose items AWS names by their places, as text; raises `PartialError`.

    An item that the answer does not name was not taken.
    """
    known = set(taken)
    left = [place for place in range(count) if str(place) not in known]
    if left:
        unnamed = RetryableError("AWS does not say that it has it")
        raise PartialError({place: refused.get(str(place), unnamed) for place in left})


def read_xml(answer: Answer) -> ElementTree.Element:
    """The document of an answer, searched with `{*}Name`; raises `RetryableError` for anything else."""
    try:
        return ElementTree.fromstring(answer.body)  # noqa: S314  (expat 2.4.1 and newer bounds what entities make)
    except (ElementTree.ParseError, LookupError, ValueError):  # the last two: an encoding that nobody knows
        # Not shown, for it may be the half of an answer that lends a key.
        raise RetryableError(f"HTTP {answer.status}, and no answer of AWS") from None


def error_code(answer: Answer) -> str:
    """Empty where the answer has none."""
    named = answer.headers.get("x-amzn-errortype", "")
    if named:
        return named.partition(":")[0]
    found = _CODE.search(answer.body)
    return next(filter(None, found.groups())).decode() if found else ""
