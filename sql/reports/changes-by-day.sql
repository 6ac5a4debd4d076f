-- title: Changes by day
-- description: How many channels were created, retired, revived, moved, readdressed, confirmed and how many bounced on
--   each day (UTC) on which that was seen.
-- parameter: days integer 30 = how far back
-- chart: bar x=day y=changes by=kind
SELECT day, instance, kind, origin, changes
FROM reporting.changes_by_day
WHERE instance = ANY ($1::text[]) AND day > ($3::timestamptz AT TIME ZONE 'UTC')::date - $2::integer
ORDER BY day DESC, instance, kind, origin;
