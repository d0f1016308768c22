-- name: record
-- A golden record `g` as clients read it.
SELECT {columns} {from}

-- name: points
-- The contact points of a record, the primary one of each kind first.
FROM (
    SELECT COALESCE(json_agg(p.value ORDER BY p.is_primary DESC, p.position, p.value) FILTER (WHERE p.kind = 'phone'), '[]') AS phones,
           COALESCE(json_agg(p.value ORDER BY p.is_primary DESC, p.position, p.value) FILTER (WHERE p.kind = 'email'), '[]') AS emails,
           COALESCE(json_agg(p.value ORDER BY p.is_primary DESC, p.position, p.value) FILTER (WHERE p.kind = 'web'), '[]') AS webs
    FROM crm.contact_points p WHERE p.entity = '{entity}' AND p.golden_id = g.id
) p

-- name: list_companies_of_contacts
-- The companies of a contact.
(SELECT COALESCE(json_agg(l.company_id ORDER BY l.is_primary DESC, l.company_id), '[]') FROM crm.contact_companies l WHERE l.contact_id = g.id)

-- name: list_contacts_of_deals
-- The contacts of a deal, the main one first.
(SELECT COALESCE(json_agg(l.contact_id ORDER BY l.is_main DESC, l.position, l.contact_id), '[]') FROM crm.deal_contacts l WHERE l.deal_id = g.id)

-- name: list_products_of_deals
-- The product rows of a deal.
(SELECT COALESCE(json_agg(json_build_object('product_id', l.product_id, 'product_name', l.product_name, 'quantity', trim_scale(l.quantity)::text,
    'price', trim_scale(l.price)::text, 'discount', trim_scale(l.discount)::text) ORDER BY l.position), '[]')
 FROM crm.deal_products l WHERE l.deal_id = g.id)

-- name: list
-- A page of records as JSON text, with what the next page begins after.
{scope}
SELECT g.sorted, g.id::text, row_to_json(r)::text
FROM (
    SELECT g.*, {sort}::text AS sorted FROM crm.{entity} g
    WHERE {dead} {filters} {after} {seen}
    ORDER BY {sort} {direction}, g.id {direction} LIMIT %(limit)s
) g
CROSS JOIN LATERAL ({record}) r
ORDER BY {sort} {direction}, g.id {direction};

-- name: one
-- One record, also by the id of one that was merged into it.
{scope}
SELECT g.id::text, g.changed_xid::text, row_to_json(r)::text
FROM crm.{entity} g CROSS JOIN LATERAL ({record}) r
WHERE g.id = COALESCE((SELECT d.new_id FROM crm.golden_redirects d WHERE d.old_id = %(id)s::uuid AND d.entity = '{entity}'), %(id)s::uuid)
  AND g.deleted_at IS NULL {seen};

-- name: seen
-- Of a person held to its own records.
AND g.id IN (SELECT v.id FROM visible v WHERE v.entity = '{entity}')

-- name: found
-- Whose name, title or text holds every word of a search, or who is reached by part of a phone or address.
AND (translate(lower({named}), 'ё', 'е') LIKE ALL (%(words)s) {points})

-- name: found_by_part
-- Who is reached by part of a phone or address.
OR g.id IN (SELECT p.golden_id FROM crm.contact_points p WHERE p.entity = '{entity}' AND p.kind = %(kind)s AND p.value LIKE %(part)s)

-- name: found_by_whole
-- Who is reached by a phone or address, looked up by its index.
AND g.id IN (SELECT p.golden_id FROM crm.contact_points p WHERE p.entity = '{entity}' AND p.kind = %(kind)s AND p.value = %(whole)s)

-- name: visible
-- Which of these records a person held to its own sees.
{scope}
SELECT v.id::text FROM visible v WHERE v.entity = %(entity)s AND v.id = ANY(%(ids)s::uuid[]);
