-- Pausing, extending, checkpoints, and how attempts failed.

ALTER TABLE study ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
ALTER TABLE study ADD COLUMN earlier_specs TEXT NOT NULL DEFAULT '[]';  -- JSON: canonical specs before each extension

ALTER TABLE cohort ADD COLUMN checkpoint_epoch INTEGER;
ALTER TABLE cohort ADD COLUMN checkpoint_digest TEXT;
-- The last failed attempt; `error` is its message. NULL where an earlier version wrote the row.
ALTER TABLE cohort ADD COLUMN failed_kind TEXT;
ALTER TABLE cohort ADD COLUMN failed_attempt INTEGER;
ALTER TABLE cohort ADD COLUMN failed_worker TEXT;
ALTER TABLE cohort ADD COLUMN failed_unix_ms INTEGER;

-- One row: the highest number that a study ever had.
CREATE TABLE last_study (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    number   INTEGER NOT NULL
) STRICT;
INSERT INTO last_study (only_row, number) SELECT 1, coalesce(max(number), 0) FROM study;
