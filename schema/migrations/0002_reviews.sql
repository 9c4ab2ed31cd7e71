-- Questions for people. A workstream has at most one open review at a time.

CREATE TABLE reviews (
    review_id   TEXT    NOT NULL PRIMARY KEY,
    run_id      TEXT    NOT NULL,
    ws_id       TEXT    NOT NULL,
    generation  INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    summary     TEXT    NOT NULL,
    findings    TEXT    NOT NULL,
    attempts    TEXT    NOT NULL,
    patch_ids   TEXT    NOT NULL,
    options     TEXT    NOT NULL,
    advice      TEXT    NOT NULL,
    asked_at    TEXT    NOT NULL,
    answered_at TEXT    NOT NULL,
    answered_by TEXT    NOT NULL,
    answer      TEXT    NOT NULL,
    FOREIGN KEY (run_id, ws_id) REFERENCES workstreams (run_id, ws_id)
) STRICT;
CREATE INDEX reviews_by_workstream ON reviews (run_id, ws_id);
CREATE UNIQUE INDEX reviews_open ON reviews (run_id, ws_id) WHERE state = 'open';
