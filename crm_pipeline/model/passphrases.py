"""What is too weak for a password: short, of few letters, or the user's own name."""

SHORTEST = 10
LONGEST = 1024
FEWEST_LETTERS = 5


def weakness(password: str, username: str) -> str | None:
    """Return why a password is not taken, as a sentence, or None."""
    if len(password) < SHORTEST:
        return f"The password needs at least {SHORTEST} characters."
    if len(password) > LONGEST:
        return f"The password may have at most {LONGEST} characters."
    if len(set(password)) < FEWEST_LETTERS:
        return f"The password needs at least {FEWEST_LETTERS} different characters."
    if username.lower() in password.lower() and len(password) < 2 * len(username):
        return "The password may not be little more than the username."
    return None
