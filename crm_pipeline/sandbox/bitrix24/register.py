"""Brings every method into the register: a module with methods is named here once."""

from . import (
    activities,
    batch,
    classic,
    descriptions,
    dictionaries,
    events,
    items,
    links,
    offline,
    productrows,
    products,
    service,
    stagehistory,
    tasks,
    timeline,
    users,
)

MODULES = (
    activities,
    batch,
    classic,
    descriptions,
    dictionaries,
    events,
    items,
    links,
    offline,
    productrows,
    products,
    service,
    stagehistory,
    tasks,
    timeline,
    users,
)
