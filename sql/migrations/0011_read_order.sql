-- The order of reads: which of two reads is the newer one, whatever any clock said.
--
-- A read is ordered by the epoch of its writer (worker.instances.epoch) and, within it, by a number that was drawn from
-- worker.claims before the read began. Rows from before this migration have (0, 0): every read is newer. The same
-- columns with the epoch -1 say "unread": db repair-times has put them there, and the next read writes its order again.

COMMENT ON SEQUENCE worker.claims IS
    'Numbers of claims and of reads. A batch is committed only by its latest claim, which is the number of its reads too; every other read that is written to the mirror draws its own before it begins.';
COMMENT ON COLUMN worker.batches.claim IS 'Number of the latest claim; also the read number of what is read for it.';
COMMENT ON COLUMN worker.batches.claim_epoch IS
    'Epoch of the writer that claimed it; a claim of an older epoch is void. With the claim it is the order of its reads.';

ALTER TABLE mirror.communication_channels
    ADD COLUMN read_epoch bigint NOT NULL DEFAULT 0,
    ADD COLUMN read_number bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN mirror.communication_channels.read_epoch IS
    'Epoch of the writer whose read saw the present version first; 0: from before reads were numbered; -1: unread (db repair-times), the next read writes it again. Only a read of a later (read_epoch, read_number) changes the row.';
COMMENT ON COLUMN mirror.communication_channels.read_number IS
    'Number of that read within its epoch, drawn before it began (sequence worker.claims).';

ALTER TABLE mirror.users
    ADD COLUMN read_epoch bigint NOT NULL DEFAULT 0,
    ADD COLUMN read_number bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN mirror.users.read_epoch IS
    'Epoch of the writer whose read found the present state; 0: none yet, or from before reads were numbered; -1: unread (db repair-times). An older read changes no state.';
COMMENT ON COLUMN mirror.users.read_number IS
    'Number of that read within its epoch, drawn before it began (sequence worker.claims).';

ALTER TABLE worker.candidates
    ADD COLUMN read_epoch bigint NOT NULL DEFAULT 0,
    ADD COLUMN read_number bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN worker.candidates.read_epoch IS
    'Epoch of the writer of the first read without it; only a read of a later (read_epoch, read_number) confirms or clears it. 0: from before reads were numbered.';
COMMENT ON COLUMN worker.candidates.read_number IS
    'Number of the first read without it within its epoch, drawn before it began (sequence worker.claims).';

ALTER TABLE worker.failures ADD COLUMN epoch bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN worker.failures.epoch IS
    'Epoch of the writer that noted it last: a walk to the end of a source resolves what only earlier epochs noted. 0: from before epochs were noted.';

ALTER TABLE worker.runs ADD COLUMN rows_older bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN worker.runs.rows_older IS
    'Rows of the mirror that differ from what this run read, and were left alone because a later read had written them.';

COMMENT ON COLUMN mirror.communication_channels.changed_at IS
    'Time of the read that saw the present version first; never before the version before it: where a clock was set back, a microsecond after that.';
COMMENT ON COLUMN mirror.channel_history.valid_to IS
    'Time of the read that saw the next version first, always later than valid_from: where a clock was set back, a microsecond later.';
COMMENT ON COLUMN mirror.users.changed_at IS
    'When state or identifiers last changed; never before the version before it, as in communication_channels.';
COMMENT ON COLUMN mirror.user_history.valid_to IS 'When the next version was first seen, always later than valid_from.';
