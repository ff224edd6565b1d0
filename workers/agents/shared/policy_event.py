"""The `policy` event, by which a policy takes effect in a partition of the log."""

import msgspec

from workers.contracts.decisions import Home
from workers.contracts.events import POLICY_CONVERSATION, PolicyInForce
from workers.contracts.ids import derive
from workers.contracts.signing import Secrets
from workers.contracts.time import DAY, from_ms
from workers.conversation.partition_meta import PartitionMeta, version_order
from workers.conversation.switches import to_carry
from workers.detection import DETECTION_VERSION
from workers.runtime.producer import Record, signed_record


def to_announce(own: PartitionMeta, in_force: PartitionMeta, now_ms: int) -> PartitionMeta | None:
    """Return the policy to put on a partition's log now, or None.

    That is a newer one, the one in force if this worker observes and it does not or the other way
    round, or the one in force once a day, so that a log that was trimmed still tells.
    """
    ours, theirs = version_order(own.policy_version), version_order(in_force.policy_version)
    if ours > theirs:
        return msgspec.structs.replace(own, switches=in_force.switches)
    if own.observe != in_force.observe:
        return msgspec.structs.replace(in_force, observe=own.observe)
    return in_force if now_ms // DAY > in_force.policy_at // DAY else None


def policy_record(home: Home, policy: PartitionMeta, now_ms: int, secrets: Secrets) -> Record:
    """Return the record that puts a policy in force in one partition; one id per policy and day."""
    event = PolicyInForce(
        event_id=derive(
            "policy",
            home.topic,
            home.partition,
            policy.policy_version,
            policy.policy_hash,
            str(policy.observe),
            now_ms // DAY,
        ),
        conversation_id=POLICY_CONVERSATION,
        occurred_at=from_ms(now_ms),
        type="policy",
        policy_version=policy.policy_version,
        policy_hash=policy.policy_hash,
        policy=policy.policy_text,
        detection_version=DETECTION_VERSION,
        observe=policy.observe,
        switches=to_carry(policy.switches),
    )
    return signed_record(home.topic, home.partition, POLICY_CONVERSATION, event, secrets)
