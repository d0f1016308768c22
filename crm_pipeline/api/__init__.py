"""THE DOOR. What comes in from outside over HTTP: the mobile app, administrators in a browser, the CRMs' webhooks.

Sole importer of fastapi. No rule, no SQL, no Dagster: a route reads who is calling and what, asks a stage or a table, answers.
"""
