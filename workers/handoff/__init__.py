"""Texts that people receive: the packet, and the notices to the customer.

`packet` makes a packet in four steps; each module belongs to one of them.

1. Read what was said: `view` is the input, redacted; `splitting` cuts messages into sentences and
   `wording` shortens them; `sentences`, `person_requests`, `phrases`, `acts`, `objects`,
   `listed_items` and `sentiment` know what words mean; `tool_calls`, `tool_results` and `things`
   read what tools returned.
2. Gather findings, in `packet_findings`: of the customer `issues`, `request_state`, `background`,
   `own_steps`, `identifiers`, `closing`; of the AI `told`, `ai_findings`, `grounds`, `tool_work`,
   `chosen`, `mismatch`, `whole_sentences`; of both `last_exchange` and `agreement`.
3. Write each line: `statements` (who, stands, mood, promised), `reasons` (why), `wants`,
   `also_said`, `work_lines` (so far), `records`, `next_step` with `playbook`, `key_messages`,
   `history`, `other_open`, `contact`. The words around quotes are those of `frames.yaml`, read by
   `frames` and `languages`.
4. Lay the lines out: `sections`, then `rendering` for a terminal or `markdown`.

The customer reads `notices` (`notices.yaml`, and a deployment's own by `notice_file`); the AI agent
reads `brief` when the conversation comes back to it.
"""
