"""Every table and column says what it is, and the document repeats exactly that."""

from crm_pipeline.database.dictionary import DOCUMENT, dictionary_text, uncommented


def test_every_table_view_and_column_has_a_comment(database):
    with database.connect() as connection:
        assert uncommented(connection) == []


def test_a_table_or_column_without_comment_is_found(database):
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE crm.mute (id integer)")
        connection.exec_driver_sql("CREATE VIEW crm.mute_view AS SELECT 1 AS one")
        assert uncommented(connection) == ["crm.mute", "crm.mute.id", "crm.mute_view", "crm.mute_view.one"]


def test_the_document_is_what_the_database_says(database):
    with database.connect() as connection:
        fresh = dictionary_text(connection)
    assert DOCUMENT.read_text() == fresh, "run: python -m crm_pipeline.database.dictionary"
