-- Which study comes first where slots are short.

ALTER TABLE study ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
