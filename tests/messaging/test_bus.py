"""A stream is its snapshot and its changes, whoever reads them, however slowly, from however many threads."""

import threading
import tracemalloc
from copy import deepcopy
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_lab.errors import ConfigError
from omni_lab.messaging.bus import Bus, Message, Stream, Subscription, difference, merge_patch
from omni_lab.messaging.bus.stream import fold
from tests.lengths import LONG

names = st.sampled_from("abc")
leaves = st.none() | st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2)
patches = st.dictionaries(
    names, st.recursive(leaves, lambda inner: st.dictionaries(names, inner), max_leaves=8)
)
without_nulls = st.dictionaries(
    names, st.recursive(st.integers(0, 3), lambda inner: st.dictionaries(names, inner), max_leaves=8)
)

# RFC 7396, appendix A: original, patch, result.
EXAMPLES: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


def made(changes: list[dict[str, Any]], *, keep: int = 4096, state: dict[str, Any] | None = None) -> Stream:
    stream = Stream("t", epoch="1", keep=keep, state=state)
    for change in changes:
        stream.publish(change, ts=1)
    return stream


def all_of(place: Subscription, most: int = 256) -> list[Message]:
    """Everything there is to take now."""
    taken: list[Message] = []
    while told := place.take(most):
        taken += told
        if place.sequence == place.stream.sequence:
            break
    return taken


def is_unbroken(messages: list[Message]) -> bool:
    """A change is one more than what came before; a snapshot does not go back."""
    return all(
        after.sequence == before.sequence + 1 if after.kind == "delta" else after.sequence >= before.sequence
        for before, after in pairwise(messages)
    )


# --- merge patches --------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "patch", "after"), EXAMPLES)
def test_a_patch_does_what_the_rfc_says(before: Any, patch: Any, after: Any) -> None:
    # A state is an object: the table's other roots stand one level down, where null removes.
    expected = {} if after is None else {"x": after}
    assert merge_patch({"x": deepcopy(before)}, {"x": patch}) == expected
    assert made([{"x": patch}], state={"x": before}).snapshot().patch == expected


@given(without_nulls, patches)
def test_a_patch_applied_twice_is_applied_once(state: dict[str, Any], patch: dict[str, Any]) -> None:
    once = merge_patch(deepcopy(state), patch)
    assert merge_patch(deepcopy(once), patch) == once


@given(without_nulls, without_nulls)
def test_a_difference_is_the_patch_from_one_state_to_another(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    patch = difference(before, after)
    assert merge_patch(deepcopy(before), patch) == after
    assert bool(patch) == (before != after)


# --- one stream -----------------------------------------------------------------------------------


@given(st.lists(patches, max_size=12), without_nulls, st.sets(st.integers(0, 12)))
def test_a_snapshot_is_the_fold_of_the_changes_before_it(
    changes: list[dict[str, Any]], state: dict[str, Any], looks: set[int]
) -> None:
    stream, expected, seen = Stream("t", epoch="1", state=state), deepcopy(state), []
    published = deepcopy(changes)
    for number, change in enumerate(changes, 1):
        stream.publish(change)
        merge_patch(expected, published[number - 1])
        if number in looks:
            seen.append((stream.snapshot(), deepcopy(expected)))
    assert stream.snapshot().patch == expected
    assert stream.snapshot() is stream.snapshot()
    # What was handed out earlier, and what was published, did not change since.
    assert all(message.patch == then for message, then in seen)
    assert changes == published


@given(st.integers(0, 40), st.integers(1, 12), st.integers(-3, 50), st.none() | st.integers(1, 9))
def test_changes_after_a_number_have_no_gap_or_there_are_none(
    n: int, keep: int, after: int, most: int | None
) -> None:
    told = made([{}] * n, keep=keep).after(after, most=most)
    if told is None:
        assert after > n or after < max(n - keep, 0)
    else:
        last = n if most is None else min(n, after + most)
        assert [message.sequence for message in told] == list(range(after + 1, last + 1))


@given(
    st.lists(st.one_of(patches, st.sampled_from([0, 1, 2, 3])), max_size=40),
    st.integers(1, 6),
    st.lists(st.none() | st.integers(0, 4), min_size=4, max_size=4),
    st.integers(1, 5),
)
def test_readers_who_lag_come_to_the_same_state(
    script: list[dict[str, Any] | int], keep: int, behind: list[int | None], most: int
) -> None:
    """A number lets that reader take a little; in the end all take what is left."""
    stream = Stream("t", epoch="1", keep=keep)
    places = [stream.follow(most_behind=each) for each in behind]
    taken: list[list[Message]] = [[], [], [], []]
    for step in script:
        if isinstance(step, int):
            taken[step] += places[step].take(most)
        else:
            stream.publish(step)
    for place, earlier in zip(places, taken, strict=True):
        messages = earlier + all_of(place, most)
        assert messages[0].kind == "snapshot"
        assert is_unbroken(messages)
        assert fold(messages) == stream.snapshot().patch
        told = sum(message.kind == "delta" for message in messages)
        assert messages[0].sequence + told + place.n_skipped == stream.sequence


def test_a_reader_resumes_where_he_was_but_not_in_another_life() -> None:
    stream = made([{"n": each} for each in range(5)])
    assert [each.sequence for each in stream.follow(after=3, epoch="1").take()] == [4, 5]
    assert stream.follow(after=5).take() == []
    for elsewhere in (stream.follow(after=3, epoch="2"), stream.follow(after=6, epoch="1")):
        assert [each.kind for each in elsewhere.take()] == ["snapshot"]


def test_a_stream_made_anew_goes_on_counting_and_does_not_pretend_to_remember() -> None:
    stream = Stream("t", epoch="1", state={"n": 7}, sequence=7)
    assert stream.publish({"n": 8}).sequence == 8
    assert [each.sequence for each in stream.follow(after=7).take()] == [8]
    assert [(each.kind, each.sequence) for each in stream.follow(after=6).take()] == [("snapshot", 8)]


def test_a_bus_has_one_stream_of_a_topic() -> None:
    bus = Bus()
    opened = bus.open("orders", epoch="1")
    with pytest.raises(ConfigError, match="already"):
        bus.open("orders", epoch="2")
    assert bus.stream("orders") is opened
    bus.close("orders")
    bus.close("orders")
    with pytest.raises(ConfigError, match="no stream"):
        bus.stream("orders")
    with pytest.raises(ConfigError, match="at least one"):
        bus.open("orders", epoch="2", keep=0)


# --- many threads, and memory ---------------------------------------------------------------------


def test_threads_that_publish_and_read_agree_in_the_end() -> None:
    n_each, n_writers = (20_000 if LONG else 2_000), 3
    stream, last = Stream("t", epoch="1", keep=64), n_each * n_writers
    woken = threading.Event()
    end = stream.listen(woken.set)
    taken: list[list[Message]] = [[], [], []]

    def write(who: int) -> None:
        for number in range(n_each):
            stream.publish({str(who): {"n": number, "of": {str(number % 7): number}}})

    def read(who: int, most_behind: int | None) -> None:
        place = stream.follow(most_behind=most_behind)
        while place.sequence != last:
            assert place.wait(20)
            taken[who] += place.take(5)

    threads = [threading.Thread(target=write, args=(who,)) for who in range(n_writers)]
    threads += [threading.Thread(target=read, args=pair) for pair in ((0, None), (1, 10), (2, 0))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert stream.sequence == last
    assert woken.is_set()
    end()
    for messages in taken:
        assert is_unbroken(messages)
        assert fold(messages) == stream.snapshot().patch
    assert {who: state["n"] for who, state in stream.snapshot().patch.items()} == dict.fromkeys(
        ("0", "1", "2"), n_each - 1
    )


def test_a_stream_holds_what_it_remembers_and_no_more() -> None:
    stream = Stream("t", epoch="1", keep=100)
    places = [stream.follow() for _ in range(50)]

    def publish() -> None:
        for number in range(5_000):
            stream.publish({"orders": {str(number): {"qty": number}, str(number - 5): None}})
            if number % 500 == 0:
                stream.snapshot()

    publish()
    tracemalloc.start()
    try:
        publish()
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A hundred changes of some 700 bytes were replaced by others; nothing waits for readers who never read.
    assert grown < 400_000
    assert len(stream.snapshot().patch["orders"]) == 5
    assert [place.take()[0].kind for place in places] == ["snapshot"] * 50
