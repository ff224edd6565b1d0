"""The client of an AI agent: it reports turns, and obeys who owns a conversation.

```python
async with HandoffClient(BridgeTransport("http://127.0.0.1:8088", token), agent="aria") as handoff:
    await handoff.customer_said("demo-1", "Can I speak to a human?")
    if handoff.may_reply("demo-1"):
        await handoff.replied("demo-1", "One moment.", confidence=0.8)
```
"""

from workers.client.bridge_transport import BridgeTransport
from workers.client.handoff_client import EventTransport, HandoffClient, RefusedEventError
from workers.client.kafka_transport import KafkaTransport
from workers.contracts.control import Control
from workers.contracts.events import Customer, RequestedEscalation, ToolCall

__all__ = [
    "BridgeTransport",
    "Control",
    "Customer",
    "EventTransport",
    "HandoffClient",
    "KafkaTransport",
    "RefusedEventError",
    "RequestedEscalation",
    "ToolCall",
]
