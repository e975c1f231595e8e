-- What the ledger is rebuilt from, as schema 5 of SQLite has it. Every whole number is a BIGINT, so that both databases
-- take the same statements; a schema of SQLite that comes after has its twin here, with the same number.

CREATE TABLE study (
    number          BIGINT PRIMARY KEY,
    request_id      TEXT   NOT NULL UNIQUE,
    spec_text       TEXT   NOT NULL,
    spec            TEXT   NOT NULL,            -- canonical JSON
    rows            TEXT   NOT NULL,            -- JSON: shape, classes, train_rows, test_rows
    sizes           TEXT   NOT NULL,            -- JSON: [[train, validation], …] by fold
    data_digest     TEXT   NOT NULL,
    folds_digest    TEXT   NOT NULL,
    created_unix_ms BIGINT NOT NULL,
    device          TEXT,                       -- NULL until planned
    ended_as        TEXT,                       -- NULL while it goes on
    ended_message   TEXT,
    ended_unix_ms   BIGINT,
    paused          BIGINT NOT NULL DEFAULT 0,
    earlier_specs   TEXT   NOT NULL DEFAULT '[]',  -- JSON: canonical specs before each extension
    priority        BIGINT NOT NULL DEFAULT 0,
    profile         TEXT                        -- JSON; NULL before a plan without a named one
);

CREATE TABLE cohort (
    study             BIGINT NOT NULL REFERENCES study (number),
    number            BIGINT NOT NULL,
    runs              TEXT   NOT NULL,          -- JSON: [[trial, fold], …] in member order
    final_epochs      BIGINT,                   -- NULL for cohorts of the search
    state             TEXT   NOT NULL,          -- ready, leased, done, failed, split
    attempt           BIGINT NOT NULL,
    failures          BIGINT NOT NULL,
    done_attempt      BIGINT,                   -- the attempt that brought the results; may be an older one
    worker            TEXT,
    slot              BIGINT,
    error             TEXT,
    checkpoint_epoch  BIGINT,
    checkpoint_digest TEXT,
    failed_kind       TEXT,
    failed_attempt    BIGINT,
    failed_worker     TEXT,
    failed_unix_ms    BIGINT,
    PRIMARY KEY (study, number)
);

CREATE TABLE run (
    study          BIGINT NOT NULL REFERENCES study (number),
    trial          BIGINT NOT NULL,
    fold           BIGINT NOT NULL,             -- the final stage counts as the one after the last
    attempt        BIGINT NOT NULL,
    worker         TEXT   NOT NULL,
    outcome        TEXT   NOT NULL,             -- JSON
    weights_digest TEXT,
    device_model   TEXT   NOT NULL,
    software       TEXT   NOT NULL,
    PRIMARY KEY (study, trial, fold)
);

CREATE TABLE last_study (
    only_row BIGINT PRIMARY KEY CHECK (only_row = 1),
    number   BIGINT NOT NULL
);
INSERT INTO last_study (only_row, number) VALUES (1, 0);

CREATE TABLE measurement (
    study            BIGINT NOT NULL,
    trial            BIGINT NOT NULL,
    fold             BIGINT NOT NULL,
    measurements     TEXT   NOT NULL,           -- JSON
    snapshots_digest TEXT,                      -- NULL where no copies were asked for
    PRIMARY KEY (study, trial, fold),
    FOREIGN KEY (study, trial, fold) REFERENCES run (study, trial, fold)
);
CREATE INDEX measurement_snapshots ON measurement (study, trial, fold) WHERE snapshots_digest IS NOT NULL;
