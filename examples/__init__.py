"""Programs that show how the API is used; none of them is part of the pipeline."""
