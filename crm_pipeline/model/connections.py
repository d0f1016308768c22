"""What the states of a connection mean to a person. Which there are is written beside `sync.connections.status`."""

WHAT_TO_DO = {
    "active": None,
    "paused": "Resume it when it is to work again.",
    "needs_consent": "Authorise it again: an administrator opens the consent link, or sends a new token or webhook address.",
    "blocked": "Ask the CRM's support: only they can lift the block. Then resume it.",
    "broken": "Put right what the reason says, then test or resume it.",
    "removed": "Connect the same account again to have it back.",
}
"""State → what a person should do; None: nothing."""
