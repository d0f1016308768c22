"""Splink with its DuckDB backend on the rows our own matching gets: trained on them, linked at 0.99, clustered.

It is handed what a careful user would make first: names taken apart, short forms and transliteration resolved, companies without
legal forms, e-mails and phones normalized and rid of those that say nothing, one table per connection.
"""

import time
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink import comparison_library as compare

from crm_pipeline_tests.bench.ground import STATEMENTS
from crm_pipeline_tests.bench.systems import Task, report

THRESHOLD = 0.99
PAIRS_SAMPLED = 1e7
RECALL_OF_KEYS = 0.8
"""What Splink is told of how many true pairs share an e-mail or a phone."""
SEED = 1
E_MAIL = block_on("emails", arrays_to_explode=["emails"])
PHONE = block_on("phones", arrays_to_explode=["phones"])
NAME = block_on("surname", "given")
FIRST_E_MAIL, FIRST_PHONE = block_on("emails[1]"), block_on("phones[1]")
"""For training, which takes no rules that explode lists."""


def work(task: Task) -> dict[str, Any]:
    """Link and cluster; `seconds` is training, scoring and clustering, without handing rows in and out."""
    db = duckdb.connect()
    tables = _tables(db, task)
    rows = sum(db.table(name).count("*").fetchall()[0][0] for name in tables)
    began = time.monotonic()
    api = DuckDBAPI(db)
    linker = Linker([api.register(name) for name in tables], _settings(task["without"]), log_level=None)
    _train(linker)
    trained = time.monotonic()
    pairs = linker.inference.predict(threshold_match_probability=THRESHOLD)
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, threshold_match_probability=THRESHOLD)
    seconds = time.monotonic() - began
    found = Path(task["folder"]) / "found.csv"
    clusters.as_duckdbpyrelation().project("unique_id, cluster_id").write_csv(str(found), header=False)
    _hand_back(task["database"], found)
    return {"seconds": seconds, "train_seconds": trained - began, "rows": rows}


def _settings(without: list[str]) -> SettingsCreator:
    """Return the model: what is compared, `without` some columns, and who is compared with whom."""
    comparisons = {
        "given": compare.JaroWinklerAtThresholds("given", [0.92, 0.8]).configure(term_frequency_adjustments=True),
        "surname": compare.JaroWinklerAtThresholds("surname", [0.92, 0.8]).configure(term_frequency_adjustments=True),
        "middle": compare.JaroWinklerAtThresholds("middle", [0.9]),
        "emails": compare.ArrayIntersectAtSizes("emails", [1]),
        "phones": compare.ArrayIntersectAtSizes("phones", [1]),
        "company": compare.JaroWinklerAtThresholds("company", [0.9]).configure(term_frequency_adjustments=True),
        "birthday": compare.ExactMatch("birthday"),
    }
    return SettingsCreator(
        link_type="link_only",
        comparisons=[comparison for name, comparison in comparisons.items() if name not in without],
        blocking_rules_to_generate_predictions=[E_MAIL, PHONE, NAME],
        retain_matching_columns=False,
    )


def _train(linker: Linker) -> None:
    training = linker.training
    training.estimate_probability_two_random_records_match([FIRST_E_MAIL, FIRST_PHONE], recall=RECALL_OF_KEYS)
    training.estimate_u_using_random_sampling(max_pairs=PAIRS_SAMPLED, seed=SEED)
    for rule in (FIRST_E_MAIL, NAME):
        training.estimate_parameters_using_expectation_maximisation(rule)


def _tables(db: duckdb.DuckDBPyConnection, task: Task) -> list[str]:
    """Copy the rows from Postgres into a table per connection."""
    path = Path(task["folder"]) / "rows.csv"
    with path.open("w") as file, psycopg2.connect(task["database"]) as source:
        source.cursor().copy_expert(STATEMENTS["copy_for_splink"], file)
    source.close()
    for connection in range(task["connections"]):
        db.execute(STATEMENTS["splink_table"].format(connection=connection, path=f"'{path}'"))
    return [f"crm_{connection}" for connection in range(task["connections"])]


def _hand_back(url: str, found: Path) -> None:
    with found.open() as lines, psycopg2.connect(url) as db, db.cursor() as cursor:
        cursor.execute(STATEMENTS["forget_found"])
        cursor.copy_expert(STATEMENTS["copy_found"], lines)
    db.close()


if __name__ == "__main__":
    report(work)
