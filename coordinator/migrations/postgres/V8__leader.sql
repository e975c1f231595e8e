-- Who leads. One row.

-- The term is the key, so that a commit can hold it as a foreign key is held (FOR KEY SHARE): the leader renews its lease
-- beside its commits, and only a takeover, which changes the key, waits for them and shuts them out.
CREATE TABLE leader (
    term    BIGINT      PRIMARY KEY,            -- counts the takeovers
    address TEXT        NOT NULL,               -- where others reach the leader
    expires TIMESTAMPTZ NOT NULL                -- by the server's clock
);
INSERT INTO leader (term, address, expires) VALUES (0, '', '-infinity');
