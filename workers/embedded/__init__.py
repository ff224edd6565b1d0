"""A broker and a store without Docker or Java, for a laptop and for tests."""

from workers.embedded.child import GuardedServer, ServerError
from workers.embedded.kafka import EmbeddedKafka
from workers.embedded.redis import EmbeddedRedis
from workers.embedded.stack import EmbeddedStack

__all__ = ["EmbeddedKafka", "EmbeddedRedis", "EmbeddedStack", "GuardedServer", "ServerError"]
