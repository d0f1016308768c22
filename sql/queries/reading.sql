-- name: record
-- A golden record `g` as clients read it.
SELECT g.id, {columns}, {children} g.custom_fields, g.source_count, g.created_at, g.updated_at, g.deleted_at, g.reconciled_at AS version {provenance} {from}

-- name: points
-- The contact points of a record, the primary one of each kind first.
FROM (
    SELECT COALESCE(json_agg(p.value ORDER BY p.is_primary DESC, p.position, p.value) FILTER (WHERE p.kind = 'phone'), '[]') AS phones,
           COALESCE(json_agg(p.value ORDER BY p.is_primary DESC, p.position, p.value) FILTER (WHERE p.kind = 'email'), '[]') AS emails,
           COALESCE(json_agg(p.value ORDER BY p.is_primary DESC, p.position, p.value) FILTER (WHERE p.kind = 'web'), '[]') AS webs
    FROM crm.contact_points p WHERE p.entity = '{entity}' AND p.golden_id = g.id
) p

-- name: companies_of_contact
-- The companies of a contact.
(SELECT COALESCE(json_agg(l.company_id ORDER BY l.is_primary DESC, l.company_id), '[]') FROM crm.contact_companies l WHERE l.contact_id = g.id) AS companies,

-- name: contacts_of_deal
-- The contacts of a deal, the main one first.
(SELECT COALESCE(json_agg(l.contact_id ORDER BY l.is_main DESC, l.position, l.contact_id), '[]') FROM crm.deal_contacts l WHERE l.deal_id = g.id) AS contacts,

-- name: products_of_deal
-- The product rows of a deal.
(SELECT COALESCE(json_agg(json_build_object('product_id', l.product_id, 'product_name', l.product_name, 'quantity', trim_scale(l.quantity)::text,
    'price', trim_scale(l.price)::text, 'discount', trim_scale(l.discount)::text) ORDER BY l.position), '[]')
 FROM crm.deal_products l WHERE l.deal_id = g.id) AS products,

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
