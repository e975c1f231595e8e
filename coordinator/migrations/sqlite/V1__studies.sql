-- What the ledger is rebuilt from. The rules live in the ledger; these tables only remember.

CREATE TABLE study (
    number          INTEGER PRIMARY KEY,
    request_id      TEXT    NOT NULL UNIQUE,
    spec_text       TEXT    NOT NULL,
    spec            TEXT    NOT NULL,           -- canonical JSON
    rows            TEXT    NOT NULL,           -- JSON: shape, classes, train_rows, test_rows
    sizes           TEXT    NOT NULL,           -- JSON: [[train, validation], …] by fold
    data_digest     TEXT    NOT NULL,
    folds_digest    TEXT    NOT NULL,
    created_unix_ms INTEGER NOT NULL,
    device          TEXT,                       -- NULL until planned
    ended_as        TEXT,                       -- NULL while it goes on
    ended_message   TEXT,
    ended_unix_ms   INTEGER
) STRICT;

CREATE TABLE cohort (
    study        INTEGER NOT NULL REFERENCES study (number),
    number       INTEGER NOT NULL,
    runs         TEXT    NOT NULL,              -- JSON: [[trial, fold], …] in member order
    final_epochs INTEGER,                       -- NULL for cohorts of the search
    state        TEXT    NOT NULL,              -- ready, leased, done, failed, split
    attempt      INTEGER NOT NULL,
    failures     INTEGER NOT NULL,
    done_attempt INTEGER,                       -- the attempt that brought the results; may be an older one
    worker       TEXT,
    slot         INTEGER,
    error        TEXT,
    PRIMARY KEY (study, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
    study          INTEGER NOT NULL REFERENCES study (number),
    trial          INTEGER NOT NULL,
    fold           INTEGER NOT NULL,            -- the final stage counts as the one after the last
    attempt        INTEGER NOT NULL,
    worker         TEXT    NOT NULL,
    outcome        TEXT    NOT NULL,            -- JSON
    weights_digest TEXT,
    device_model   TEXT    NOT NULL,
    software       TEXT    NOT NULL,
    PRIMARY KEY (study, trial, fold)
) STRICT, WITHOUT ROWID;
