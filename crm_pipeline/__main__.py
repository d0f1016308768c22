"""`python -m crm_pipeline` is `crm-pipeline`."""

from crm_pipeline.cli import main

if __name__ == "__main__":
    main()
