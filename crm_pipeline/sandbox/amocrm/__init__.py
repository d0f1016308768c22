"""The amoCRM stand-in, built from the fact sheet; section 11 of it is the checklist."""

from .server import AmoSandbox
from .switches import AmoSwitches

__all__ = ["AmoSandbox", "AmoSwitches"]
