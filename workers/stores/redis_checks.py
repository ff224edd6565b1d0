"""Requirements on Redis, each a problem and what to do; at a start and for the doctor."""

from collections.abc import Mapping
from typing import Any, Final

_OLDEST: Final = (6, 2)
_FULL: Final = 0.8


def eviction_problem(memory: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the eviction policy in INFO memory; a worker refuses to start."""
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy == "noeviction":
        return None
    return f"has maxmemory-policy {policy}: it would drop states unasked; set it to noeviction"


def memory_problem(memory: Mapping[str, Any]) -> str | None:
    """Return that the memory in INFO memory is nearly used up; full, workers wait."""
    limit, used = int(memory.get("maxmemory", 0)), int(memory.get("used_memory", 0))
    if not limit or used < _FULL * limit:
        return None
    return (
        f"has used {used / limit:.0%} of its maxmemory: raise it, as workers wait when it is full"
    )


def persistence_problem(persistence: Mapping[str, Any]) -> str | None:
    """Return that nothing is kept over a restart, by INFO persistence."""
    if int(persistence.get("aof_enabled", 0)):
        if str(persistence.get("aof_last_write_status", "ok")) == "ok":
            return None
        return "cannot write its append-only file: look at its disk"
    return (
        "keeps no append-only file: after a restart all is folded from the log again; set "
        "appendonly yes"
    )


def version_problem(server: Mapping[str, Any]) -> str | None:
    """Return that the version in INFO server is older than what is known to work."""
    version = str(server.get("redis_version", ""))
    numbers = tuple(int(one) for one in version.split(".")[:2] if one.isdigit())
    if not numbers or numbers >= _OLDEST:
        return None
    return f"is version {version}: 6.2 or newer is needed; 7 and Valkey 9 are tested"


def cluster_problem(cluster: Mapping[str, Any]) -> str | None:
    """Return that INFO cluster tells of a Redis Cluster."""
    if not int(cluster.get("cluster_enabled", 0)):
        return None
    return "is a Redis Cluster, which is not supported: use one Redis or Valkey"


def partitions_problem(topic: str, found: int, stored: int | None) -> str | None:
    """Return that the log has another number of partitions than its states; a worker refuses."""
    if stored is None or stored == found:
        return None
    return (
        f"{topic} has {found} partitions, and {stored} when its conversations were stored: "
        "conversations have moved; close what is open, then run `handoff rebuild`"
    )
