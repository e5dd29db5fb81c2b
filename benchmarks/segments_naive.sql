-- The same twenty questions as segments.json, asked by hand: what the fast counts have to equal.
-- name: views
CREATE TEMPORARY VIEW living AS
SELECT p.subject_id AS id, p.attributes AS a, p.traits AS t
FROM personalization_customerprofile p JOIN consent_datasubject d ON d.id = p.subject_id
WHERE d.erased_at IS NULL AND d.merged_into_id IS NULL;
CREATE TEMPORARY VIEW granted AS
SELECT subject_id AS id, purpose_id AS purpose FROM consent_consentstate
WHERE is_granted AND (expires_at IS NULL OR expires_at > %(now)s);
CREATE TEMPORARY VIEW profiled AS
SELECT l.* FROM living l JOIN granted g ON g.id = l.id AND g.purpose = 'profiling';
CREATE TEMPORARY VIEW marketed AS
SELECT l.* FROM living l JOIN granted g ON g.id = l.id AND g.purpose = 'email_marketing';
CREATE TEMPORARY VIEW tracked AS
SELECT l.* FROM living l JOIN granted g ON g.id = l.id AND g.purpose = 'email_tracking';
CREATE TEMPORARY VIEW happened AS
SELECT e.id, e.profile_id AS who, e.name, e.occurred_at AS at, e.amount, e.properties AS p,
       e.is_machine, %(now)s - e.occurred_at AS age
FROM personalization_event e WHERE e.occurred_at <= %(now)s;

-- name: german-spenders
SELECT count(*) FROM marketed m WHERE m.a ->> 'country' IN ('DE', 'AT', 'CH')
AND m.id IN (SELECT id FROM profiled WHERE (t ->> 'total_spent')::numeric >= 200);

-- name: gold-with-birthday
SELECT count(*) FROM marketed WHERE a ->> 'loyalty' = 'gold' AND a ? 'birthday';

-- name: outdoor-or-french
SELECT count(*) FROM marketed
WHERE a ->> 'country' = 'FR' OR a -> 'interests' ?| ARRAY['Tents', 'Stoves']
   OR left(a ->> 'city', 7) = 'City 19';

-- name: likely-to-leave
SELECT count(*) FROM profiled p
WHERE (t ->> 'churn_probability')::numeric > 0.7
AND (t ->> 'order_count')::numeric BETWEEN 2 AND 8
AND (t ->> 'next_order_date')::date < '2026-11-20'
AND NOT EXISTS (SELECT 1 FROM marketed m WHERE m.id = p.id AND m.a ? 'loyalty');

-- name: cart-left-a-day
SELECT count(*) FROM profiled WHERE id IN (
    SELECT added.who FROM happened added
    WHERE added.name = 'Product Added' AND NOT added.is_machine
    AND added.age < interval '72 hours' AND added.age >= interval '24 hours'
    AND NOT EXISTS (
        SELECT 1 FROM happened bought
        WHERE bought.who = added.who AND bought.name = 'Order Completed' AND NOT bought.is_machine
        AND bought.at > added.at AND bought.at <= added.at + interval '24 hours'));

-- name: boots-looked-at-then-added
SELECT count(DISTINCT profiled.id) FROM profiled
JOIN happened seen ON seen.who = profiled.id
JOIN happened added ON added.who = seen.who
WHERE seen.name = 'Product Viewed' AND seen.p ->> 'category' = 'Boots' AND NOT seen.is_machine
AND added.name = 'Product Added' AND added.p ->> 'category' = 'Boots' AND NOT added.is_machine
AND seen.age < interval '1440 hours'
AND added.at > seen.at AND added.at <= seen.at + interval '1 hour';

-- name: bought-boots-lately
SELECT count(DISTINCT profiled.id) FROM profiled
JOIN happened e ON e.who = profiled.id
JOIN personalization_eventitem line ON line.event_id = e.id
JOIN personalization_product product ON product.id = line.product_id
WHERE e.name = 'Order Completed' AND NOT e.is_machine AND e.age < interval '720 hours'
AND product.category = 'Boots';

-- name: boots-three-times-a-week
SELECT count(*) FROM (
    SELECT profiled.id FROM profiled JOIN happened e ON e.who = profiled.id
    WHERE e.name = 'Product Viewed' AND NOT e.is_machine AND e.age < interval '168 hours'
    AND e.p ->> 'category' = 'Boots' GROUP BY profiled.id HAVING count(*) >= 3) AS often;

-- name: campers-of-a-season
SELECT count(*) FROM (
    SELECT profiled.id FROM profiled JOIN happened e ON e.who = profiled.id
    WHERE e.name = 'Product Viewed' AND NOT e.is_machine AND e.age < interval '2160 hours'
    AND e.p ->> 'category' IN ('Tents', 'Stoves')
    GROUP BY profiled.id HAVING count(*) >= 2) AS often;

-- name: a-large-order-a-year
SELECT count(DISTINCT profiled.id) FROM profiled JOIN happened e ON e.who = profiled.id
WHERE e.name = 'Order Completed' AND NOT e.is_machine AND e.age < interval '8760 hours'
AND (e.p ->> 'total')::numeric >= 150;

-- name: card-payers
SELECT count(*) FROM (
    SELECT profiled.id FROM profiled JOIN happened e ON e.who = profiled.id
    WHERE e.name = 'Order Completed' AND NOT e.is_machine AND e.age < interval '8760 hours'
    AND e.p ->> 'payment' = 'card' GROUP BY profiled.id HAVING sum(e.amount) >= 200) AS payers;

-- name: big-spenders
SELECT count(*) FROM (
    SELECT profiled.id FROM profiled JOIN happened e ON e.who = profiled.id
    WHERE e.name = 'Order Completed' AND NOT e.is_machine AND e.age < interval '17520 hours'
    GROUP BY profiled.id HAVING sum(e.amount) >= 300) AS spenders;

-- name: win-back
SELECT count(*) FROM (
    SELECT profiled.id FROM profiled JOIN happened e ON e.who = profiled.id
    WHERE e.name = 'Order Completed' AND NOT e.is_machine
    AND (profiled.t ->> 'engagement')::numeric >= 20
    GROUP BY profiled.id HAVING min(e.age) >= interval '4320 hours') AS gone;

-- name: mail-readers
SELECT count(*) FROM (
    SELECT tracked.id FROM tracked JOIN happened e ON e.who = tracked.id
    WHERE e.name = 'Email Opened' AND NOT e.is_machine AND e.age < interval '2160 hours'
    GROUP BY tracked.id HAVING count(*) >= 2) AS readers;

-- name: clicked-these-campaigns
SELECT count(DISTINCT tracked.id) FROM tracked JOIN happened e ON e.who = tracked.id
WHERE e.name = 'Email Link Clicked' AND NOT e.is_machine AND e.age < interval '1440 hours'
AND e.p ->> 'campaign' IN ('c-1', 'c-2', 'c-3', 'c-4', 'c-5');

-- name: opened-by-anything
SELECT count(*) FROM (
    SELECT tracked.id FROM tracked JOIN happened e ON e.who = tracked.id
    WHERE e.name = 'Email Opened' AND e.age < interval '2880 hours'
    AND left(e.p ->> 'campaign', 3) = 'c-1'
    GROUP BY tracked.id HAVING count(*) >= 2) AS opened;

-- name: looks-but-never-buys
SELECT count(*) FROM (
    SELECT profiled.id FROM profiled JOIN happened e ON e.who = profiled.id
    WHERE e.name = 'Product Viewed' AND NOT e.is_machine AND e.age < interval '4320 hours'
    GROUP BY profiled.id HAVING count(*) >= 10) AS lookers
WHERE NOT EXISTS (SELECT 1 FROM happened e WHERE e.who = lookers.id
                  AND e.name = 'Order Completed' AND NOT e.is_machine);

-- name: taste-for-the-dear
SELECT count(*) FROM (
    SELECT profiled.id FROM profiled JOIN happened e ON e.who = profiled.id
    WHERE e.name = 'Product Viewed' AND NOT e.is_machine AND e.age < interval '720 hours'
    AND (e.p ->> 'category' = 'Coats' OR EXISTS (
        SELECT 1 FROM personalization_eventitem line
        JOIN personalization_product product ON product.id = line.product_id
        WHERE line.event_id = e.id AND line.occurred_at = e.at AND product.brand = 'Maker 7'))
    GROUP BY profiled.id HAVING avg((e.p ->> 'price')::numeric) >= 110) AS dear;

-- name: german-big-spenders-who-read
SELECT count(*) FROM marketed m WHERE a ->> 'country' = 'DE'
AND m.id IN (
    SELECT e.who FROM happened e WHERE e.name = 'Order Completed' AND NOT e.is_machine
    AND e.age < interval '17520 hours' GROUP BY e.who HAVING sum(e.amount) >= 300)
AND m.id IN (SELECT id FROM profiled)
AND m.id NOT IN (
    SELECT added.who FROM happened added
    WHERE added.name = 'Product Added' AND NOT added.is_machine
    AND added.age < interval '72 hours' AND added.age >= interval '24 hours'
    AND NOT EXISTS (
        SELECT 1 FROM happened bought
        WHERE bought.who = added.who AND bought.name = 'Order Completed' AND NOT bought.is_machine
        AND bought.at > added.at AND bought.at <= added.at + interval '24 hours'))
AND m.id IN (
    SELECT tracked.id FROM tracked JOIN happened e ON e.who = tracked.id
    WHERE e.name = 'Email Link Clicked' AND NOT e.is_machine AND e.age < interval '8760 hours');

-- name: dear-things-in-mind
SELECT count(*) FROM profiled p WHERE (
    p.id IN (SELECT id FROM marketed WHERE a ->> 'country' IN ('DE', 'AT', 'CH'))
    AND (p.t ->> 'total_spent')::numeric >= 200
    AND p.id IN (
        SELECT e.who FROM happened e WHERE e.name = 'Product Added' AND NOT e.is_machine
        AND e.age < interval '336 hours' AND (e.p ->> 'price')::numeric >= 100)
) OR (
    p.id IN (
        SELECT e.who FROM happened e WHERE e.name = 'Order Completed' AND NOT e.is_machine
        GROUP BY e.who HAVING max(e.age) < interval '720 hours')
    AND p.id NOT IN (
        SELECT tracked.id FROM tracked JOIN happened e ON e.who = tracked.id
        WHERE e.name = 'Email Opened' AND NOT e.is_machine AND e.age < interval '2160 hours'
        GROUP BY tracked.id HAVING count(*) >= 2));
