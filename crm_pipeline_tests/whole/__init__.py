"""The whole under chaos: several CRMs with people in them, the app, processes that are killed, and what must hold afterwards.

world.py     three stand-ins and a database, and who works there
sides.py     what people do and see in a CRM, in words every CRM shares
steps.py     everything that may happen, one step after the other, each a function of a number
faults.py    what goes wrong on the way to a CRM
program.py   the processes: each does one thing and may be killed anywhere
fate.py      when they die
crew.py      starts them
calm.py      no more edits and no more faults, until nothing moves
judges.py    what must hold then
sabotage.py  promises broken on purpose, to see that the judges notice
chaos.py     many runs in a row: make chaos SEED=1 RUNS=200
"""
