"""The audit's verdict depends neither on the interleaving of topics nor on repeats."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.audit_builder import Step, World, audited

CHANGES = ("escalate", "move", "claim", "refuse", "end", "suppress")


def lived(changes: list[str]) -> World:
    """Live through those of the changes that are possible at their time."""
    world, owner = World(), "ai"
    # A ladder never goes on to the queue it comes from, so every placing takes the next one.
    for number, change in enumerate(changes):
        match change, owner:
            case "escalate", "ai":
                world.escalate(f"queue-{number}")
                owner = "pending"
            case "move", "pending":
                world.move(f"queue-{number}")
            case "claim", "pending":
                world.claim()
                owner = "person"
            case "refuse", "person":
                world.refuse()
            case "end", "pending" | "person":
                world.end()
                owner = "ai"
            case "suppress", "ai":
                world.suppress()
            case _:
                pass
    return world


@st.composite
def interleaved(draw: st.DrawFn) -> tuple[World, list[Step]]:
    """A world, its topics read in some interleaving, and runs of some topics read twice."""
    # Half of the worlds begin with two places, which topics of their own tell of.
    begin = draw(st.sampled_from(([], ["escalate", "move"])))
    world = lived(begin + draw(st.lists(st.sampled_from(CHANGES), max_size=12)))
    runs: dict[str, list[Step]] = {}
    for topic, records in world.topics.items():
        for number, record in enumerate(records):
            # Each queue has a topic of its own.
            name = getattr(record, "queue", topic) if topic == "queues" else topic
            runs.setdefault(str(name), []).append((topic, number))
    for run in runs.values():
        if draw(st.booleans()):
            start = draw(st.integers(0, len(run) - 1))
            end = draw(st.integers(start, len(run)))
            run[end:end] = run[start:end]
    steps: list[Step] = []
    while any(runs.values()):
        name = draw(st.sampled_from([name for name, run in runs.items() if run]))
        steps.append(runs[name].pop(0))
    return world, steps


@given(interleaved())
def test_any_interleaving_with_repeats_is_clean(case: tuple[World, list[Step]]) -> None:
    world, steps = case
    report = audited(world, order=steps)
    assert report.clean, report.findings
    assert report.counts["decisions"] == len(world.topics.get("decisions", ()))
    assert report.counts["open"] == (report.counts["escalations"] - sum(report.outcomes.values()))


@given(interleaved(), st.data())
def test_one_record_less_is_always_found(
    case: tuple[World, list[Step]], data: st.DataObject
) -> None:
    world, steps = case
    owed = [
        (topic, number)
        for topic in ("control", "log")
        for number in range(len(world.topics.get(topic, ())))
    ]
    if not owed:
        return
    lost = data.draw(st.sampled_from(owed))
    report = audited(world, order=[step for step in steps if step != lost])
    assert "missing_effect" in report.findings_by_kind
