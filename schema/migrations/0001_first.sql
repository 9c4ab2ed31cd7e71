-- The first shape of .pipeline/state.db. A released migration is never edited: its digest is
-- recorded in every database that it was applied to.

CREATE TABLE schema_meta (
    version    INTEGER NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    digest     TEXT    NOT NULL,
    applied_at TEXT    NOT NULL
) STRICT;

-- Canonical JSON, compressed by zlib; shared by runs of one plan.
CREATE TABLE plans (
    digest  TEXT NOT NULL PRIMARY KEY,
    content BLOB NOT NULL
) STRICT;

CREATE TABLE runs (
    run_id             TEXT    NOT NULL PRIMARY KEY,
    key                TEXT    NOT NULL,
    state              TEXT    NOT NULL,
    base_commit        TEXT    NOT NULL,
    base_ref           TEXT    NOT NULL,
    kind               TEXT    NOT NULL,
    integration_branch TEXT    NOT NULL,
    integration_commit TEXT    NOT NULL,
    jobs               INTEGER NOT NULL,
    created_at         TEXT    NOT NULL,
    started_at         TEXT    NOT NULL,
    finished_at        TEXT    NOT NULL,
    duration_s         REAL    NOT NULL,
    engine_cpu_s       REAL    NOT NULL,
    gates_run          INTEGER NOT NULL,
    verdicts_reused    INTEGER NOT NULL,
    taken_from         TEXT    NOT NULL,
    reason             TEXT    NOT NULL,
    plan_digest        TEXT    REFERENCES plans (digest)
) STRICT;
CREATE INDEX runs_by_key ON runs (key);

CREATE TABLE workstreams (
    run_id         TEXT    NOT NULL REFERENCES runs (run_id),
    ws_id          TEXT    NOT NULL,
    seq            INTEGER NOT NULL,
    state          TEXT    NOT NULL,
    generation     INTEGER NOT NULL,
    branch         TEXT    NOT NULL,
    start_commit   TEXT    NOT NULL,
    "commit"       TEXT    NOT NULL,
    tree           TEXT    NOT NULL,
    checked_start  TEXT    NOT NULL,
    checked_commit TEXT    NOT NULL,
    landing_commit TEXT    NOT NULL,
    returns        INTEGER NOT NULL,
    attempts       INTEGER NOT NULL,
    findings       INTEGER NOT NULL,
    patch_id       TEXT    NOT NULL,
    reason         TEXT    NOT NULL,
    reason_code    TEXT    NOT NULL,
    PRIMARY KEY (run_id, ws_id),
    UNIQUE (run_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE step_attempts (
    attempt_id  TEXT    NOT NULL PRIMARY KEY,
    run_id      TEXT    NOT NULL,
    ws_id       TEXT    NOT NULL,
    generation  INTEGER NOT NULL,
    step        TEXT    NOT NULL,
    number      INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    tool        TEXT    NOT NULL,
    ending      TEXT    NOT NULL,
    exit_code   INTEGER,
    started_at  TEXT    NOT NULL,
    finished_at TEXT    NOT NULL,
    duration_s  REAL    NOT NULL,
    start_tree  TEXT    NOT NULL,
    result_tree TEXT    NOT NULL,
    patch_id    TEXT    NOT NULL,
    stdout_log  TEXT    NOT NULL,
    stderr_log  TEXT    NOT NULL,
    findings    TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    details     TEXT    NOT NULL,
    FOREIGN KEY (run_id, ws_id) REFERENCES workstreams (run_id, ws_id)
) STRICT;
CREATE INDEX attempts_by_workstream ON step_attempts (run_id, ws_id, generation);
CREATE INDEX attempts_open ON step_attempts (run_id) WHERE state = 'started';

-- Errors that belong to no run have an empty run_id.
CREATE TABLE errors (
    run_id     TEXT    NOT NULL,
    code       TEXT    NOT NULL,
    signature  TEXT    NOT NULL,
    message    TEXT    NOT NULL,
    context    TEXT    NOT NULL,
    count      INTEGER NOT NULL,
    first_seen TEXT    NOT NULL,
    last_seen  TEXT    NOT NULL,
    PRIMARY KEY (run_id, code, signature)
) STRICT;

-- seq counts from 1 within a run, without gaps; it is given inside the writing transaction.
CREATE TABLE events (
    run_id     TEXT    NOT NULL REFERENCES runs (run_id),
    seq        INTEGER NOT NULL,
    id         TEXT    NOT NULL,
    ts         TEXT    NOT NULL,
    level      TEXT    NOT NULL,
    type       TEXT    NOT NULL,
    message    TEXT    NOT NULL,
    ws_id      TEXT,
    step       TEXT,
    attempt_id TEXT,
    payload    TEXT    NOT NULL,
    PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;

-- Facts only: a patch's life is read from the events.
CREATE TABLE patches (
    run_id         TEXT    NOT NULL,
    ws_id          TEXT    NOT NULL,
    attempt_id     TEXT    NOT NULL,
    id             TEXT    NOT NULL REFERENCES patch_texts (id),
    base_tree      TEXT    NOT NULL,
    result_tree    TEXT    NOT NULL,
    paths          TEXT    NOT NULL,
    added          INTEGER NOT NULL,
    removed        INTEGER NOT NULL,
    size           INTEGER NOT NULL,
    format_ok      INTEGER,
    scope_ok       INTEGER,
    constraints_ok INTEGER,
    tests_passed   INTEGER,
    created_at     TEXT    NOT NULL,
    PRIMARY KEY (run_id, ws_id, attempt_id, id),
    FOREIGN KEY (run_id, ws_id) REFERENCES workstreams (run_id, ws_id)
) STRICT;
CREATE INDEX patches_by_id ON patches (id);

-- In the database, not in files: one commit makes row and text durable, with nothing to sweep.
CREATE TABLE patch_texts (
    id      TEXT NOT NULL PRIMARY KEY,
    content BLOB NOT NULL
) STRICT;

-- key is the whole key in its canonical form; digest only finds it.
CREATE TABLE verdicts (
    number     INTEGER PRIMARY KEY,
    digest     TEXT NOT NULL,
    run_id     TEXT NOT NULL REFERENCES runs (run_id),
    key        BLOB NOT NULL,
    result     TEXT NOT NULL,
    content    TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX verdicts_by_digest ON verdicts (digest, run_id);
