-- name: block
-- Load a block of rows: tab-free text format with its own separator, an empty field is NULL.
COPY {table} ({columns}) FROM STDIN WITH (FORMAT text, DELIMITER E'\x1f', NULL '');
