"""The Bitrix24 stand-in over real HTTP."""
