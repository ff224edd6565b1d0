"""The same log gives the same outputs, byte for byte, however it is cut, repeated or mixed."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.fold_history import HOME, NEVER, POLICY
from tests.support.random_histories import Beat, beats, play
from workers.contracts.codec import Raw, encode
from workers.contracts.events import Event
from workers.contracts.rejections import Rejected
from workers.conversation.fold import Incoming, OutboxEntry, fold_chunk, wanted
from workers.conversation.partition_meta import meta_fields, read_meta, starting_meta

BOUND = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
BAD = Rejected("not_json", "event: send one JSON object")


@dataclass
class Store:
    """The data kept between chunks."""

    blobs: dict[str, bytes | None] = field(default_factory=dict)
    ids: dict[str, set[str]] = field(default_factory=dict)
    turns: dict[str, list[bytes]] = field(default_factory=dict)
    outputs: list[OutboxEntry] = field(default_factory=list)


def fold(log: Sequence[Incoming], cuts: Sequence[int] = (), policy: str = POLICY) -> Store:
    """Fold a log in chunks that end at `cuts`, everything going through bytes in between."""
    store = Store()
    fields = meta_fields(starting_meta(policy))
    bounds = sorted({0, len(log), *[cut % (len(log) + 1) for cut in cuts]})
    for start, end in itertools.pairwise(bounds):
        meta = read_meta(fields)
        assert meta is not None
        chunk = log[start:end]
        asked = wanted(chunk)
        known = {c: store.ids.get(c, set()) & set(ids) for c, ids in asked.items()}
        blobs = {c: store.blobs.get(c) for c in asked}
        folded = fold_chunk(chunk, blobs, known, meta, HOME)
        assert folded.last_offset == chunk[-1].offset
        fields |= meta_fields(folded.meta, meta)
        store.outputs += folded.outputs
        for conversation, change in folded.changes.items():
            store.blobs[conversation] = change.blob
            if change.fresh:
                store.ids[conversation], store.turns[conversation] = set(), []
            store.ids.setdefault(conversation, set()).update(change.ids)
            store.turns.setdefault(conversation, []).extend(change.turns)
    return store


def records(events: Sequence[Event | None]) -> list[Incoming]:
    """A log of events; None is a record that could not be read."""
    log = []
    for offset, event in enumerate(events):
        if event is None:
            raw = Raw(b"?", b"{", (), NEVER)
            log.append(Incoming(offset, NEVER, None, raw, BAD))
        else:
            raw = Raw(event.conversation_id.encode(), encode(event), (), NEVER)
            log.append(Incoming(offset, NEVER, event, raw))
    return log


def said(store: Store) -> list[tuple[str, bytes | None, bytes | None]]:
    """Return the outputs without their places."""
    return [(o.topic, o.key, o.value) for o in store.outputs]


histories = st.lists(beats, min_size=1, max_size=3)


def mixed(stories: Sequence[Sequence[Beat]], order: Sequence[int]) -> list[Event]:
    """The events of several conversations, each in its own order, mixed as `order` says."""
    left = [
        list(play(list(story), conversation_id=f"c-{n}").events) for n, story in enumerate(stories)
    ]
    events: list[Event] = []
    for turn in order:
        queue = left[turn % len(left)]
        if queue:
            events.append(queue.pop(0))
    for queue in left:
        events += queue
    return events


numbers = st.lists(st.integers(0, 200), max_size=60)


@BOUND
@given(histories, numbers, numbers)
def test_however_it_is_cut(stories: list[list[Beat]], order: list[int], cuts: list[int]) -> None:
    events: list[Event | None] = [*mixed(stories, order)]
    for place in cuts[:3]:
        events.insert(place % (len(events) + 1), None)
    log = records(events)
    whole = fold(log)
    for other in (fold(log, cuts), fold(log, range(len(log)))):
        assert other.outputs == whole.outputs
        assert other.blobs == whole.blobs
        assert other.turns == whole.turns
        assert other.ids == whole.ids
    for before, after in zip(whole.outputs, whole.outputs[1:], strict=False):
        assert (before.offset, before.n) < (after.offset, after.n)


@BOUND
@given(histories, numbers, numbers, numbers)
def test_repeats_anywhere_change_nothing(
    stories: list[list[Beat]], order: list[int], again: list[int], cuts: list[int]
) -> None:
    # Ids are kept as long as the transcript, which a month of silence ends.
    short = [[beat._replace(pause=min(beat.pause, 700)) for beat in story] for story in stories]
    events = mixed(short, order)
    once = fold(records(events))
    repeated = list(events)
    for number in again:
        if repeated:
            at = number % len(repeated)
            later = at + 1 + (number * 7) % (len(repeated) - at)
            repeated.insert(later, repeated[at])
    twice = fold(records(repeated), cuts)
    assert said(twice) == said(once)
    assert twice.turns == once.turns
    assert twice.blobs == once.blobs


@BOUND
@given(histories, numbers, numbers)
def test_other_conversations_change_nothing(
    stories: list[list[Beat]], order: list[int], cuts: list[int]
) -> None:
    # A switch concerns all conversations of its partition.
    calm = [[beat for beat in story if beat.kind != "switch"] for story in stories]
    together = fold(records(mixed(calm, order)), cuts)
    for n, story in enumerate(calm):
        conversation = f"c-{n}"
        alone = fold(records(play(list(story), conversation_id=conversation).events))
        key = conversation.encode()
        assert [one for one in said(together) if one[1] == key] == said(alone)
        assert together.blobs.get(conversation) == alone.blobs.get(conversation)
