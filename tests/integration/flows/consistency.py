"""Whether the database says the same in all its tables, once nobody is at work."""

from typing import Final

from tests.integration.flows.harness import fetch

WRONG: Final = {
    "a batch of a finished run that is not done": """
        SELECT b.* FROM worker.batches b JOIN worker.runs r ON r.id = b.run_id
        WHERE r.status NOT IN ('running', 'interrupted', 'abandoned') AND b.status <> 'done'""",
    "a run that nobody ends or goes on with": """
        SELECT * FROM worker.runs
        WHERE status IN ('running', 'interrupted') AND kind IN ('run', 'backfill', 'accept')""",
    "an end without its time or code": """
        SELECT * FROM worker.runs
        WHERE status NOT IN ('running', 'interrupted', 'abandoned') AND (finished_at IS NULL OR exit_code IS NULL)""",
    "a finished run whose figures are not the sums of its batches": """
        SELECT r.* FROM worker.runs r
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(cardinality(user_ids)), 0) AS total, coalesce(sum(users_done), 0) AS done,
                coalesce(sum(users_gone), 0) AS gone, coalesce(sum(users_failed), 0) AS failed,
                coalesce(sum(channels_seen), 0) AS seen, coalesce(sum(channels_created), 0) AS created,
                coalesce(sum(channels_changed), 0) AS changed
            FROM worker.batches WHERE run_id = r.id
        ) b
        WHERE r.status NOT IN ('running', 'interrupted', 'abandoned') AND (
            (r.users_total, r.users_done, r.users_gone, r.users_failed, r.channels_seen)
                IS DISTINCT FROM (b.total, b.done, b.gone, b.failed, b.seen)
            OR (r.channels_created, r.channels_changed) IS DISTINCT FROM (b.created, b.changed)
        )""",
    "a batch whose users have not each one outcome": """
        SELECT * FROM worker.batches WHERE status = 'done' AND cardinality(user_ids)
            <> users_done + users_gone + users_unreadable + users_unlisted + users_failed""",
    "a user that a run has read in two batches": """
        SELECT run_id, user_id FROM worker.batches, unnest(user_ids) AS user_id
        GROUP BY run_id, user_id HAVING count(*) > 1""",
    "a candidate of a channel that is buried, or that another user has": """
        SELECT c.* FROM worker.candidates c
        LEFT JOIN mirror.communication_channels m ON m.instance = c.instance AND m.id = c.channel_id
        WHERE m.id IS NULL OR m.deleted_at IS NOT NULL OR m.user_id <> c.user_id""",
    "a candidate that no run holds": "SELECT * FROM worker.candidates WHERE held_run_id IS NULL",
    "an open failure": "SELECT * FROM worker.failures WHERE resolved_at IS NULL",
    "an action in doubt, other than a message that may have gone out": """
        SELECT * FROM worker.actions WHERE status = 'started' OR status = 'uncertain' AND skip_confirmation""",
    "an action that was touched by no run": """
        SELECT * FROM worker.actions
        WHERE status <> 'planned' AND run_id IS NULL OR attempts > 0 AND started_at IS NULL""",
    "an applied plan with something left to do": """
        SELECT p.id, a.* FROM worker.plans p JOIN worker.actions a ON a.plan_id = p.id
        WHERE p.status = 'applied' AND a.status IN ('planned', 'started', 'failed', 'withheld')""",
    "a plan that is not carried out to its end, with nothing left to do": """
        SELECT p.* FROM worker.plans p
        WHERE p.status = 'applying' AND NOT EXISTS (
            SELECT FROM worker.actions a
            WHERE a.plan_id = p.id AND (
                a.status IN ('planned', 'started', 'failed', 'withheld')
                OR a.status = 'uncertain' AND a.skip_confirmation
            )
        )""",
    "a user of the mirror whom no done batch and no action names": """
        SELECT id FROM mirror.users WHERE state <> 'unlisted'
        EXCEPT SELECT unnest(user_ids) FROM worker.batches WHERE status = 'done'
        EXCEPT SELECT user_id FROM worker.actions""",
    "a version that ends before it begins, or after the present one began": """
        SELECT h.* FROM mirror.channel_history h
        JOIN mirror.communication_channels c ON c.instance = h.instance AND c.id = h.channel_id
        WHERE h.valid_from >= h.valid_to OR h.valid_to > c.changed_at""",
    "an action that is over without having been begun": """
        SELECT * FROM worker.actions
        WHERE status = 'done' AND (attempts < 1 OR run_id IS NULL OR image_before IS NULL)""",
    "an address that lives twice": """
        SELECT user_id, lower(address) FROM mirror.communication_channels
        WHERE deleted_at IS NULL AND type = 'email' GROUP BY instance, user_id, lower(address) HAVING count(*) > 1""",
    "a version of a channel that overlaps another one": """
        SELECT a.* FROM mirror.channel_history a JOIN mirror.channel_history b USING (instance, channel_id)
        WHERE a.id < b.id AND a.valid_from < b.valid_to AND b.valid_from < a.valid_to""",
    "a user whose channels live although it is gone": """
        SELECT u.* FROM mirror.users u
        JOIN mirror.communication_channels m ON m.instance = u.instance AND m.user_id = u.id
        WHERE u.state = 'gone' AND m.deleted_at IS NULL""",
}
"""What must not be there, as the query that finds it."""


LEFT_OVER: Final = frozenset({"an open failure", "a candidate that no run holds"})
"""Of it: what a run in trouble may leave to the next one."""


async def contradictions(database_url: str, *, settled: bool = True) -> dict[str, int]:
    """What of `WRONG` is there, and how often; `settled`: the last run met no trouble."""
    wanted = WRONG if settled else {what: query for what, query in WRONG.items() if what not in LEFT_OVER}
    found = {what: len(await fetch(database_url, query)) for what, query in wanted.items()}
    return {what: count for what, count in found.items() if count}
