-- What the console knows: rows made from records, and how far each partition was read.
-- Times are milliseconds since the epoch. A file of another `user_version` is filled anew.
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE position (
    topic TEXT, part INTEGER, next INTEGER NOT NULL, PRIMARY KEY (topic, part)
) WITHOUT ROWID;

CREATE TABLE escalation (
    escalation_id TEXT PRIMARY KEY,
    conversation_id TEXT NOT NULL,
    -- The greatest that was applied: of decisions, of the ledger, of the messages on queues.
    decided_seq INTEGER NOT NULL DEFAULT -1,
    placed_seq INTEGER NOT NULL DEFAULT -1,
    told TEXT NOT NULL DEFAULT '',
    epoch INTEGER NOT NULL DEFAULT 0,
    reason TEXT, rule TEXT, level INTEGER NOT NULL DEFAULT 0, opened_at INTEGER,
    place TEXT, queue TEXT, rung INTEGER, placed_at INTEGER, due_at INTEGER,
    priority INTEGER NOT NULL DEFAULT 3, assignee TEXT, suggested TEXT, ticket_id TEXT,
    wait_low INTEGER, wait_high INTEGER,
    claimed_by TEXT, claimed_at INTEGER, outcome TEXT, ended_at INTEGER,
    customer_id TEXT, customer_name TEXT, tier TEXT, channel TEXT, intent TEXT, ai_version TEXT,
    wants TEXT, packet BLOB, home_topic TEXT, home_part INTEGER
);
CREATE INDEX escalation_waiting ON escalation (queue, priority, due_at, opened_at)
    WHERE outcome IS NULL AND claimed_at IS NULL AND place = 'queue';
CREATE INDEX escalation_due ON escalation (queue, due_at)
    WHERE outcome IS NULL AND claimed_at IS NULL AND place = 'queue';
CREATE INDEX escalation_oldest ON escalation (queue, placed_at)
    WHERE outcome IS NULL AND claimed_at IS NULL AND place = 'queue';
CREATE INDEX escalation_held ON escalation (queue, claimed_by)
    WHERE outcome IS NULL AND claimed_at IS NOT NULL;
CREATE INDEX escalation_ticket_waits ON escalation (place, opened_at)
    WHERE outcome IS NULL AND claimed_at IS NULL AND place <> 'queue';
CREATE INDEX escalation_claims ON escalation (queue, claimed_at) WHERE claimed_at IS NOT NULL;
CREATE INDEX escalation_conversation ON escalation (conversation_id, opened_at);
CREATE INDEX escalation_opened ON escalation (opened_at);
CREATE INDEX escalation_ended ON escalation (ended_at) WHERE outcome IS NOT NULL;
CREATE INDEX escalation_customer ON escalation (customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX escalation_name ON escalation (customer_name COLLATE NOCASE)
    WHERE customer_name IS NOT NULL;
CREATE INDEX escalation_ticket ON escalation (ticket_id) WHERE ticket_id IS NOT NULL;

CREATE TABLE decision (
    decision_id TEXT PRIMARY KEY, conversation_id TEXT NOT NULL, seq INTEGER NOT NULL,
    at INTEGER NOT NULL, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX decision_conversation ON decision (conversation_id, seq);
CREATE INDEX decision_at ON decision (at);

CREATE TABLE placement (
    escalation_id TEXT, seq INTEGER, at INTEGER NOT NULL, place TEXT NOT NULL, queue TEXT,
    rung INTEGER NOT NULL, skipped TEXT NOT NULL, wait_low INTEGER, wait_high INTEGER,
    PRIMARY KEY (escalation_id, seq)
) WITHOUT ROWID;

CREATE TABLE control (
    conversation_id TEXT, epoch INTEGER, seq INTEGER, at INTEGER NOT NULL, kind TEXT NOT NULL,
    owner TEXT NOT NULL, ai_may_reply INTEGER NOT NULL, text TEXT, body TEXT NOT NULL,
    PRIMARY KEY (conversation_id, epoch, seq)
) WITHOUT ROWID;
CREATE INDEX control_at ON control (at);

CREATE TABLE answer (
    escalation_id TEXT, agent_id TEXT, seq INTEGER, reason TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (escalation_id, agent_id, seq)
) WITHOUT ROWID;
CREATE INDEX answer_at ON answer (at);

CREATE TABLE presence (
    queue TEXT, desk TEXT, at INTEGER NOT NULL, online INTEGER NOT NULL, free INTEGER,
    agents TEXT NOT NULL, PRIMARY KEY (queue, desk)
) WITHOUT ROWID;

CREATE TABLE notification (
    notification_id TEXT PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL,
    queue TEXT, conversation_id TEXT
) WITHOUT ROWID;
CREATE INDEX notification_at ON notification (at);

CREATE TABLE dead_letter (
    topic TEXT, part INTEGER, offset INTEGER, at INTEGER NOT NULL, reason TEXT NOT NULL,
    detail TEXT NOT NULL, agent TEXT NOT NULL, PRIMARY KEY (topic, part, offset)
) WITHOUT ROWID;
CREATE INDEX dead_letter_at ON dead_letter (at);

-- How often something happened in an hour (milliseconds / 3,600,000).
CREATE TABLE tally (
    hour INTEGER, kind TEXT, name TEXT, n INTEGER NOT NULL, PRIMARY KEY (hour, kind, name)
) WITHOUT ROWID;

CREATE TABLE rate (
    kind TEXT, name TEXT, at INTEGER, conversations INTEGER NOT NULL, escalated INTEGER NOT NULL,
    low REAL NOT NULL, high REAL NOT NULL, verdict TEXT NOT NULL, PRIMARY KEY (kind, name, at)
) WITHOUT ROWID;
CREATE INDEX rate_at ON rate (at);
