-- The device profile that a study is planned with: that which its spec names, and from the plan on in any case.

ALTER TABLE study ADD COLUMN profile TEXT;      -- JSON; NULL before a plan without a named one, or of an earlier version
