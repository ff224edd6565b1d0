"""The `ai_switch` event, by which a version of the AI agent is switched off or on again."""

from collections.abc import Iterable

from workers.contracts.decisions import Home
from workers.contracts.events import POLICY_CONVERSATION, AiSwitch
from workers.contracts.ids import derive
from workers.contracts.signing import Secrets
from workers.contracts.time import from_ms
from workers.conversation.partition_meta import PartitionMeta
from workers.conversation.switches import Switch
from workers.runtime.producer import Record, signed_record


def switch_records(
    topic: str, partitions: int, switch: Switch, cause: str, secrets: Secrets
) -> list[Record]:
    """Return one record for each partition; ids are derived from `cause` and the partition."""
    return [
        _record(Home(topic=topic, partition=number), switch, cause, secrets)
        for number in range(partitions)
    ]


def _record(home: Home, switch: Switch, cause: str, secrets: Secrets) -> Record:
    event = AiSwitch(
        event_id=derive("ai_switch", cause, home.topic, home.partition),
        conversation_id=POLICY_CONVERSATION,
        occurred_at=from_ms(switch.at),
        type="ai_switch",
        ai_version=switch.ai_version,
        on=switch.on,
        reason=switch.reason,
        lead=switch.lead,
    )
    return signed_record(home.topic, home.partition, POLICY_CONVERSATION, event, secrets)


def time_of_switch(metas: Iterable[PartitionMeta], ai_version: str, now_ms: int) -> int:
    """Return the time for a new switch: now, or just after the last one by whichever clock."""
    known = [one.at for meta in metas for one in meta.switches if one.ai_version == ai_version]
    return max(now_ms, *[at + 1 for at in known], 0)
