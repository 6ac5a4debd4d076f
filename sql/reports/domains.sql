-- title: E-mail domains
-- description: Users and channels by the domain of their e-mail addresses, the largest first. Domains are not masked.
-- chart: bar x=domain y=users
-- caveat: bounces
SELECT
    instance, domain, users, channels, active_channels, unconfirmed_channels, bouncing_channels, bounce_unknown_channels
FROM reporting.domains
WHERE instance = ANY ($1::text[])
ORDER BY users DESC, instance, domain;
