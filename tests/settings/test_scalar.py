"""A plain scalar means what yaml.v3 says it means."""

import math
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from sidekick.settings.scalar import resolve

FIXTURES = [
    line.split("\t") for line in (Path(__file__).parent / "scalars.tsv").read_text("utf-8").splitlines() if line
]
# yaml.v3 hands all that follows `0o` to a reader that takes a sign of its own.
ACCIDENTS = {"0o-0"}
CONSTRUCT = {"null": lambda _: None, "bool": lambda text: text == "true", "int": int, "float": float}


def test_there_are_fixtures() -> None:
    assert len(FIXTURES) > 1500


@pytest.mark.parametrize("kind", ["null", "bool", "int", "float", "text", "timestamp"])
def test_a_scalar_is_what_go_makes_of_it(kind: str) -> None:
    for text, expected, value in FIXTURES:
        if expected == kind and text not in ACCIDENTS:
            _assert_same(resolve(text), CONSTRUCT[kind](value) if kind in CONSTRUCT else text)


def _assert_same(found: object, expected: object) -> None:
    assert type(found) is type(expected)
    assert found == expected or (isinstance(found, float) and math.isnan(found))


@given(st.text(max_size=12) | st.text("0123456789+-_.eExXoObB", max_size=12))
@example("٣")
@example("1e999999")
def test_any_text_has_a_meaning_and_text_is_itself(text: str) -> None:
    value = resolve(text)
    if isinstance(value, str):
        assert value == text


@given(st.integers(-(1 << 63), (1 << 64) - 1))
def test_an_integer_survives(number: int) -> None:
    assert resolve(str(number)) == number
    assert resolve(hex(number)) == number


@given(st.floats(allow_nan=False))
def test_a_float_written_by_yaml_survives(number: float) -> None:
    text = yaml.safe_dump(number).partition("\n")[0]
    assert resolve(text) == number
