"""Stand-ins for the CRMs: real HTTP servers built from the fact sheets. Imports nothing of the pipeline; see README.md."""
