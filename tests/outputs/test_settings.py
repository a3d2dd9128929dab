"""What every output understands: values that mean nothing are refused, and are no defect."""

from typing import Any

import pytest
from pydantic import ValidationError

from outputs.webhook import Settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"maxconcurrentrequests": -1},
        {"timeout": "-5s"},
        {"timeout": f"{'9' * 400}h"},
        {"batch": {"bytes": -5}},
        {"batch": {"bytes": f"{'9' * 400}GB"}},
        {"throttle": {"rate": f"{'9' * 400}/s"}},
    ],
    ids=lambda wrong: str(wrong)[:40],
)
def test_a_number_that_means_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)
