"""The word lists, read once: a lexicon for requests, one for replies and one for moods."""

from __future__ import annotations

from workers.detection import frustration, replies, request_rules
from workers.detection.lexicon import build, read_lists

_LISTS = read_lists()
REQUEST = build(_LISTS, request_rules.SECTION, request_rules.CODES)
REPLY = build(_LISTS, replies.SECTION, replies.CODES)
MOOD = build(_LISTS, frustration.SECTION, frustration.CODES)
