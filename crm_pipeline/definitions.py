"""What Dagster loads."""

from crm_pipeline.orchestration.build import build_defs

defs = build_defs()
