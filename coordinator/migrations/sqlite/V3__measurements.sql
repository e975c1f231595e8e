-- What runs measured beside their results, and the kept files of copies of their weights.

-- A table of its own, with row ids: its rows may have megabytes, and the ledger is rebuilt without reading them.
CREATE TABLE measurement (
    study            INTEGER NOT NULL,
    trial            INTEGER NOT NULL,
    fold             INTEGER NOT NULL,
    measurements     TEXT    NOT NULL,          -- JSON
    snapshots_digest TEXT,                      -- NULL where no copies were asked for
    PRIMARY KEY (study, trial, fold),
    FOREIGN KEY (study, trial, fold) REFERENCES run (study, trial, fold)
) STRICT;
-- The files that the ledger must know of, without a look at the rows that name none.
CREATE INDEX measurement_snapshots ON measurement (study, trial, fold, snapshots_digest)
    WHERE snapshots_digest IS NOT NULL;
