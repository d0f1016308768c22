"""The bench: this pipeline and other tools do the same work against the same stand-ins, in one run.

`make bench` measures and writes `docs/benchmarks.md`. Nothing here is imported by tests or by the package.

| file | knows |
| --- | --- |
| `__main__.py` | the command line, the order of things |
| `sizes.py` | how much of everything, in full and in `--quick` |
| `ground.py` | the bench's own folder and Postgres, a database per system |
| `stand_ins.py` | sandbox processes |
| `watched.py` | running a system and measuring its memory |
| `lists.py` | which lists make up the work, and how few requests it needs |
| `systems/` | the systems, one process each |
| `labelled.py`, `variation.py` | people known to be one or not, and how they are written |
| `linking.py` | matching them in memory, the rules alone |
| `filling.py` | laying them out in a database |
| `quality.py` | how right links and suggestions are |
| `real_limits.py`, `unthrottled.py`, `growth.py`, `matching.py` | the sections |
| `queueing.py` | how fast the outgoing queue takes changes and gives them out |
| `served.py` | an API over a filled database, and people logged in |
| `serving.py` | how fast and how steadily it answers |
| `tables.py` | what a section found, on the terminal and in the document |
"""
