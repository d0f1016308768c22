"""A faithful stand-in for a Bitrix24 portal and its token server, from the fact sheet; server.py starts one."""

from .server import BitrixSandbox
from .switches import BitrixSwitches

__all__ = ["BitrixSandbox", "BitrixSwitches"]
