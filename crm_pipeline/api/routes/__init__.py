"""One file per resource; every route under ten lines."""
