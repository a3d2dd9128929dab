"""What an answer to `_bulk` says of each alert. A 200 may hold refusals, one for each document."""

from typing import Literal

import msgspec

from sidekick.sdk import Answer, MisconfiguredError, PartialError, PermanentError, RetryableError, shown

# An item's 400 that speaks of the index or the pipeline, not of the document.
_NOT_THE_DOCUMENT = {"validation_exception", "index_closed_exception", "invalid_index_name_exception"}


def read(answer: Answer, count: int) -> None:
    """Returns when all `count` alerts are stored, now or by an earlier try; raises a `DeliveryError`."""
    items = _decoded(answer).items
    if len(items) != count:
        raise RetryableError(f"{len(items)} answers to {count} alerts")
    errors = {place: error for place, item in enumerate(items) if (error := item["create"].error_met())}
    settings = [error for error in errors.values() if isinstance(error, MisconfiguredError)]
    if settings and len(settings) == count:
        raise settings[0]
    if len(errors) < count:
        # The login and the cluster serve the others, so the fault is with these alerts' own index (an old one that
        # is closed, say): kept waiting, one late alert would hold up all that come after it.
        errors = {place: _permanent(error) for place, error in errors.items()}
    if errors:
        raise PartialError(errors)


class RefusedDocumentError(PermanentError):
    """One document is refused, for what it holds."""


class _Cause(msgspec.Struct):
    type: str = ""
    reason: str | None = None


class _Item(msgspec.Struct):
    status: int
    error: _Cause | None = None

    def error_met(self) -> RetryableError | PermanentError | None:
        """The verdict, by status before name: the servers of the family differ in names."""
        if self.status < 300 or self.status == 409:  # 409: it is there already, from an earlier try
            return None
        cause = self.error or _Cause()
        message = f"{self.status} {cause.type}: {shown((cause.reason or '').encode())}"
        if self.status == 500 and cause.type == "fail_processor_exception":
            return PermanentError(message)  # the pipeline's own refusal of this document
        if self.status == 429 or self.status >= 500:
            return RetryableError(message)
        if self.status in (401, 403, 404) or cause.type in _NOT_THE_DOCUMENT or "pipeline with id" in message:
            return MisconfiguredError(message)
        return RefusedDocumentError(message)


class _Bulk(msgspec.Struct):
    errors: bool
    items: list[dict[Literal["create"], _Item]]


def _decoded(answer: Answer) -> _Bulk:
    try:
        return msgspec.json.decode(answer.body, type=_Bulk)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    if "json" in answer.headers.get("content-type", ""):
        # Cut on its way: what was stored is answered 409 at the next try.
        raise RetryableError(f"unreadable bulk answer: {shown(answer.body)}")
    raise MisconfiguredError(f"HTTP {answer.status} from something that is no Elasticsearch: {shown(answer.body)}")


def _permanent(error: RetryableError | PermanentError) -> RetryableError | PermanentError:
    return PermanentError(str(error)) if isinstance(error, MisconfiguredError) else error
