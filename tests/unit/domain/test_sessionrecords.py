from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vso_controller.domain.sessionrecords import (
    MOST,
    SessionRecord,
    encode_records,
    read_records,
    worth_keeping,
)
from vso_controller.foundation.secret import Secret

CLIENT = "ab" * 32
RECORD = SessionRecord("kubernetes-0123", 1_800_000_000.0)

records = st.dictionaries(
    st.text("0123456789abcdef", min_size=64, max_size=64),
    st.builds(
        SessionRecord,
        st.text(max_size=10),
        st.integers(0, 1 << 39).map(float) | st.just(math.inf),
    ),
    max_size=5,
)


@given(records)
def test_records_come_back_as_they_were_written(
    written: dict[str, SessionRecord],
) -> None:
    assert read_records(encode_records(written)) == written


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b'{"cacheKey":"k"}',
        b'{"cacheKey":1,"end":5}',
        b'{"cacheKey":"k","end":"soon"}',
        b'{"cacheKey":"k","end":true}',
        b'{"cacheKey":"k","end":-1}',
        b'{"cacheKey":"k","end":1e400}',
        b'{"cacheKey":"k","end":' + b"9" * 40 + b"}",
    ],
)
def test_what_is_no_record_is_left_out(value: bytes) -> None:
    good = encode_records({CLIENT: RECORD}).reveal()

    assert read_records(Secret({**good, "cd" * 32: value, "note": value})) == {
        CLIENT: RECORD
    }


def test_end_is_never_told_too_late() -> None:
    written = encode_records({CLIENT: SessionRecord("k", 1000.9)})

    assert read_records(written)[CLIENT].end == 1000


@pytest.mark.parametrize(
    ("end", "news"), [(2000, False), (2099, False), (1910, False), (2112, True)]
)
def test_end_is_news_when_it_moved_by_a_tenth_of_what_is_left(
    end: float, news: bool
) -> None:
    written = SessionRecord("k", 2000)

    assert SessionRecord("k", end).is_news(written, now=1000) is news


def test_endless_token_is_news_once() -> None:
    endless = SessionRecord("k", math.inf)

    assert endless.is_news(None, now=0)
    assert not endless.is_news(endless, now=0)
    assert endless.is_news(RECORD, now=0)


def test_of_too_many_records_those_stay_that_last_longest() -> None:
    many = {str(end): SessionRecord("k", float(end)) for end in range(MOST + 50)}

    kept = worth_keeping(many, now=10)

    assert len(kept) == MOST
    assert min(each.end for each in kept.values()) == 50
    assert "11" in worth_keeping({"11": many["11"], "9": many["9"]}, now=10)
    assert "9" not in worth_keeping({"11": many["11"], "9": many["9"]}, now=10)
