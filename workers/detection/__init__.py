"""Signals from the text of one turn, without a model: pure functions, bounded cost."""

from workers.detection.ai_agent import read_agent
from workers.detection.customer import (
    FRUSTRATION_THRESHOLD,
    THRESHOLD,
    read_customer,
    read_reply,
)
from workers.detection.detection_version import DETECTION_VERSION
from workers.detection.findings import (
    AgentFindings,
    CustomerFindings,
    Finding,
    FoundIntent,
    FoundTopic,
)
from workers.detection.lexicons import Vocabulary, remembering, vocabulary
from workers.detection.similarity import content_words, progress_key, similarity

__all__ = [
    "DETECTION_VERSION",
    "FRUSTRATION_THRESHOLD",
    "THRESHOLD",
    "AgentFindings",
    "CustomerFindings",
    "Finding",
    "FoundIntent",
    "FoundTopic",
    "Vocabulary",
    "content_words",
    "progress_key",
    "read_agent",
    "read_customer",
    "read_reply",
    "remembering",
    "similarity",
    "vocabulary",
]
