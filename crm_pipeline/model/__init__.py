"""THE RULES: what would still be true with another database and no Dagster.

No clock, no input or output: `now` is an argument. Beside the standard library only pure, data-carrying libraries are
allowed (phonenumbers in `cleaning.py`), because own phone rules would be wrong ones.
"""
