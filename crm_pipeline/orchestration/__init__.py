"""WHEN. Sole importer of dagster: assets, partitions, checks, jobs, schedules, sensors, one file per Dagster noun.

Asset bodies are under ten lines. No rule, no SQL, no HTTP: those are in `model/`, `sql/` and the connectors.
"""
