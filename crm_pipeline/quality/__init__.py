"""THE EXPECTATIONS. Sole importer of great_expectations and pandas, which cost 2.5 s: imported only when a suite is run.

What belongs here: what the data should look like (`suites`), and how it is tested (`expectations`). Not here: SQL, Dagster.
"""
