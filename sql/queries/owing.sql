-- name: targets
-- The connections that are written to; or these, as if they were.
SELECT id, name, crm, account FROM sync.connections
WHERE CASE WHEN %(only)s::text[] IS NULL THEN direction = 'two_way' ELSE name = ANY(%(only)s) END AND status <> 'removed' AND crm <> 'app'
ORDER BY id;

-- name: differing
-- Which living records of these connections say something else than their golden record, in golden terms.
SELECT s.connection_id, s.golden_id::text, s.external_id
FROM sides_{entity} s
JOIN crm.{entity} g ON g.id = s.golden_id AND g.deleted_at IS NULL
WHERE s.connection_id = ANY(%(connections)s) AND s.deleted_at IS NULL
  AND (({side_columns}) IS DISTINCT FROM ({golden_columns}) {or_points})
ORDER BY 1, 2, length(s.external_id), s.external_id;

-- name: differing_points
-- What is to be compared beside columns: phones, e-mails and web addresses.
OR EXISTS (
    SELECT FROM source.contact_points p
    WHERE p.connection_id = s.connection_id AND p.entity = '{entity}' AND p.external_id = s.external_id AND p.kind <> 'messenger'
      AND NOT EXISTS (SELECT FROM crm.contact_points q
                      WHERE q.entity = '{entity}' AND q.golden_id = s.golden_id AND q.kind = p.kind AND q.value = p.value)
) OR EXISTS (
    SELECT FROM crm.contact_points q
    WHERE q.entity = '{entity}' AND q.golden_id = s.golden_id AND q.kind <> 'messenger'
      AND NOT EXISTS (SELECT FROM source.contact_points p
                      WHERE p.connection_id = s.connection_id AND p.entity = '{entity}' AND p.external_id = s.external_id
                        AND p.kind = q.kind AND p.value = q.value)
)

-- name: waiting
-- For which records of the batch something waits that may not be owed any more.
SELECT c.connection_id, c.golden_id::text
FROM sync.outgoing_changes c JOIN golden_batch b ON b.golden_id = c.golden_id
WHERE c.entity = '{entity}' AND c.settled_at IS NULL AND c.connection_id = ANY(%(connections)s);

-- name: golden
-- Golden records as changes carry them: all columns and lists, and where the values come from.
SELECT g.id::text, jsonb_build_object({values})::text, g.provenance
FROM crm.{entity} g WHERE g.id = ANY(%(ids)s::uuid[]);

-- name: golden_points
-- One kind of contact points as a list, the primary one first.
to_jsonb(ARRAY(SELECT p.value FROM crm.contact_points p WHERE p.entity = '{entity}' AND p.golden_id = g.id AND p.kind = '{kind}'
               ORDER BY p.is_primary DESC, p.position, p.value))

-- name: contact_links
-- The companies of a contact.
(SELECT jsonb_agg(jsonb_build_object('id', l.company_id, 'is_main', l.is_primary) ORDER BY l.is_primary DESC, l.company_id)
 FROM crm.contact_companies l WHERE l.contact_id = g.id)

-- name: deal_contacts
-- The contacts of a deal.
(SELECT jsonb_agg(jsonb_build_object('id', l.contact_id, 'is_main', l.is_main) ORDER BY l.is_main DESC, l.position, l.contact_id)
 FROM crm.deal_contacts l WHERE l.deal_id = g.id)

-- name: deal_products
-- The products of a deal.
(SELECT jsonb_agg(jsonb_build_object('id', l.product_id, 'name', l.product_name, 'quantity', trim_scale(l.quantity)::text,
                                     'price', trim_scale(l.price)::text) ORDER BY l.position)
 FROM crm.deal_products l WHERE l.deal_id = g.id AND l.product_id IS NOT NULL)

-- name: sides
-- What each side of golden records of the batch says, in golden terms.
SELECT s.golden_id::text, s.connection_id, s.external_id, s.connection || ':' || s.external_id AS label, jsonb_build_object({values})::text
FROM sides_{entity} s WHERE s.golden_id = ANY(%(ids)s::uuid[]) ORDER BY s.golden_id, s.place, s.external_id;

-- name: open_groups
-- Which groups of golden records wait for a person.
SELECT golden_id::text, field FROM sync.conflicts
WHERE entity = '{entity}' AND golden_id = ANY(%(ids)s::uuid[]) AND superseded_at IS NULL AND state = 'open';

-- name: operations
-- What was asked for of golden records, the latest first.
SELECT golden_id::text, id, action, request -> 'fields' AS fields FROM sync.operations
WHERE entity = '{entity}' AND golden_id = ANY(%(ids)s::uuid[]) AND status = 'accepted'
ORDER BY golden_id, received_at DESC, id DESC;

-- name: creatable
-- Which golden records of the batch a connection has never had, and is to have: by the rules, or because somebody named it.
SELECT c.id AS connection_id, b.golden_id::text
FROM golden_batch b
JOIN crm.{entity} g ON g.id = b.golden_id AND g.deleted_at IS NULL {and_not_own}
CROSS JOIN (SELECT id, name FROM sync.connections WHERE id = ANY(%(connections)s)) c
WHERE NOT EXISTS (SELECT FROM crm.crosswalk x WHERE x.entity = '{entity}' AND x.golden_id = b.golden_id AND x.connection_id = c.id)
  AND EXISTS (SELECT FROM sides_{entity} s WHERE s.golden_id = b.golden_id AND s.deleted_at IS NULL)
  AND (c.id = ANY(%(by_rule)s) OR EXISTS (
      SELECT FROM sync.operations o
      WHERE o.entity = '{entity}' AND o.golden_id = b.golden_id AND o.action = 'create' AND o.status IN ('accepted', 'merged')
        AND o.request -> 'connections' ? c.name))
ORDER BY 1, 2;

-- name: missing_counterparts
-- Which golden records that records of two-way connections refer to those connections have no counterpart of.
SELECT c.name AS connection, '{entity}' AS entity, '{field}' AS field, COALESCE(n.{name}, n.id::text) AS missing, count(*) AS records
FROM crm.{entity} g
JOIN crm.crosswalk x ON x.entity = '{entity}' AND x.golden_id = g.id
JOIN sync.connections c ON c.id = x.connection_id AND c.status <> 'removed' AND c.crm <> 'app'
    AND CASE WHEN %(only)s::text[] IS NULL THEN c.direction = 'two_way' ELSE c.name = ANY(%(only)s) END
JOIN source.{entity} s ON s.connection_id = x.connection_id AND s.external_id = x.external_id AND s.deleted_at IS NULL
JOIN crm.{to} n ON n.id = g.{field} {and_open}
WHERE g.deleted_at IS NULL
  AND NOT EXISTS (SELECT FROM crm.crosswalk y WHERE y.entity = '{to}' AND y.golden_id = g.{field} AND y.connection_id = c.id)
GROUP BY c.name, n.id
ORDER BY 5 DESC, 1, 4;

-- name: queue_of
-- Have the golden records of one connection rebuilt, to see what it is owed.
INSERT INTO sync.golden_queue (entity, golden_id)
SELECT DISTINCT entity, golden_id FROM crm.crosswalk WHERE connection_id = %(connection_id)s AND entity = ANY(%(entities)s)
ORDER BY 1, 2
ON CONFLICT DO NOTHING;

-- name: count_of
-- How many golden records a connection has.
SELECT count(DISTINCT golden_id) FROM crm.crosswalk WHERE connection_id = %(connection_id)s AND entity = ANY(%(entities)s);
