-- name: many
-- Records that belong to others, at most so many of each, in their order.
{scope}
SELECT o.id::text, (
    SELECT COALESCE(json_agg(row_to_json(r) ORDER BY g.place), '[]')
    FROM ({rows}) g CROSS JOIN LATERAL ({record}) r
)::text
FROM unnest(%(ids)s::uuid[]) o (id);

-- name: companies_of_contact
-- The companies of a contact, the first one first.
SELECT g.*, row_number() OVER (ORDER BY l.is_primary DESC, g.id) AS place
FROM crm.contact_companies l JOIN crm.companies g ON g.id = l.company_id
WHERE l.contact_id = o.id AND g.deleted_at IS NULL {seen} ORDER BY place LIMIT %(most)s

-- name: deals_of_contact
-- The deals of a contact, the latest first.
SELECT g.*, row_number() OVER (ORDER BY g.updated_at DESC NULLS LAST, g.id) AS place
FROM crm.deal_contacts l JOIN crm.deals g ON g.id = l.deal_id
WHERE l.contact_id = o.id AND g.deleted_at IS NULL {seen} ORDER BY place LIMIT %(most)s

-- name: contacts_of_company
-- The contacts of a company, the latest first.
SELECT g.*, row_number() OVER (ORDER BY g.updated_at DESC NULLS LAST, g.id) AS place
FROM crm.contacts g
WHERE g.deleted_at IS NULL {seen}
  AND g.id IN (SELECT l.contact_id FROM crm.contact_companies l WHERE l.company_id = o.id
               UNION SELECT c.id FROM crm.contacts c WHERE c.company_id = o.id)
ORDER BY place LIMIT %(most)s

-- name: deals_of_company
-- The deals of a company, the latest first.
SELECT g.*, row_number() OVER (ORDER BY g.updated_at DESC NULLS LAST, g.id) AS place
FROM crm.deals g WHERE g.company_id = o.id AND g.deleted_at IS NULL {seen} ORDER BY place LIMIT %(most)s

-- name: contacts_of_deal
-- The contacts of a deal, the main one first.
SELECT g.*, row_number() OVER (ORDER BY l.is_main DESC, l.position, g.id) AS place
FROM crm.deal_contacts l JOIN crm.contacts g ON g.id = l.contact_id
WHERE l.deal_id = o.id AND g.deleted_at IS NULL {seen} ORDER BY place LIMIT %(most)s

-- name: deals_of_product
-- The deals a product is sold in, the latest first.
SELECT g.*, row_number() OVER (ORDER BY g.updated_at DESC NULLS LAST, g.id) AS place
FROM crm.deals g
WHERE g.deleted_at IS NULL {seen} AND g.id IN (SELECT l.deal_id FROM crm.deal_products l WHERE l.product_id = o.id)
ORDER BY place LIMIT %(most)s

-- name: tasks_about
-- The tasks about a record: open ones first, what is due first.
SELECT g.*, row_number() OVER (ORDER BY g.is_completed, g.due_at NULLS LAST, g.id) AS place
FROM crm.tasks g
WHERE g.target_id = o.id AND g.target_entity = %(entity)s AND g.deleted_at IS NULL {seen} ORDER BY place LIMIT %(most)s

-- name: communications_about
-- The communications with a record, the latest first.
SELECT g.*, row_number() OVER (ORDER BY g.happened_at DESC NULLS LAST, g.id) AS place
FROM crm.communications g
WHERE g.target_id = o.id AND g.target_entity = %(entity)s AND g.deleted_at IS NULL {seen} ORDER BY place LIMIT %(most)s

-- name: products_of_deal
-- The product rows of a deal, each with its product.
SELECT o.id::text, (
    SELECT COALESCE(json_agg(json_build_object(
        'product_id', l.product_id, 'product_name', l.product_name, 'quantity', trim_scale(l.quantity)::text,
        'price', trim_scale(l.price)::text, 'discount', trim_scale(l.discount)::text,
        'product', (SELECT row_to_json(r) FROM crm.products g CROSS JOIN LATERAL ({record}) r
                    WHERE g.id = l.product_id AND g.deleted_at IS NULL)) ORDER BY l.position), '[]')
    FROM crm.deal_products l WHERE l.deal_id = o.id
)::text
FROM unnest(%(ids)s::uuid[]) o (id);

-- name: single
-- The one record others lead to.
{scope}
SELECT b.id::text, row_to_json(r)::text
FROM unnest(%(ids)s::uuid[]) o (id)
JOIN crm.{parent} b ON b.id = o.id
JOIN crm.{entity} g ON g.id = b.{column}
CROSS JOIN LATERAL ({record}) r
WHERE g.deleted_at IS NULL {target} {seen};

-- name: is_target
-- Where what a record is about is of this entity.
AND b.target_entity = '{entity}'
