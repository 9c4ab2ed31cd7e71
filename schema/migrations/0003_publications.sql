-- What of a run has been published, and where: so that publishing again updates instead of adding.
-- ws_id is empty for what belongs to the run; repository is "owner/name".

CREATE TABLE publications (
    run_id     TEXT    NOT NULL REFERENCES runs (run_id),
    ws_id      TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    repository TEXT    NOT NULL,
    number     INTEGER NOT NULL,
    url        TEXT    NOT NULL,
    "commit"   TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    digest     TEXT    NOT NULL,
    updated_at TEXT    NOT NULL,
    PRIMARY KEY (run_id, ws_id, kind, name, repository)
) STRICT, WITHOUT ROWID;
