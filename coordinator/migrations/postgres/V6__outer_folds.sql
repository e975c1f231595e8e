-- Nested cross-validation: what was chosen within an outer fold is trained like the winner, in a cohort of its own.

ALTER TABLE cohort ADD COLUMN outer_fold BIGINT;  -- from 0; NULL but for such cohorts, whose `final_epochs` are set too
