"""Filters: what is read as terms, what is refused before the first sample, and which rows pass."""

import pyarrow as pa
import pytest

from gancore.errors import ConfigError
from molgan.library.where import parse, passing

COLUMNS = {"smiles": "VARCHAR", "qed": "DOUBLE", "alerts": "INTEGER", "novel": "BOOLEAN", "score_Mine": "DOUBLE"}
GOOD = {
    "": [],
    "  ": [],
    "novel and qed > 0.6 and alerts = 0": ["novel", "qed > 0.6", "alerts = 0"],
    "((qed > 0.5 and (alerts < 2))) and not novel": ["qed > 0.5", "alerts < 2", "NOT novel"],
    "qed > 0.5 or alerts = 0 and novel": ["(qed > 0.5) OR ((alerts = 0) AND novel)"],
    "QED > 1 -- a remark": ["QED > 1"],
    "alerts in (0, 1)": ["alerts IN (0, 1)"],
    "qed between 0.4 and 0.6": ["qed BETWEEN 0.4 AND 0.6"],
    "abs(qed - 0.5) < 0.1 and smiles like '%N%'": ["abs((qed - 0.5)) < 0.1", "smiles ~~ '%N%'"],
    "score_mine is not null": ["score_mine IS NOT NULL"],
    "case when novel then qed > 0.4 else alerts = 0 end": None,
    "regexp_matches(smiles, '^C and N')": None,
}
"""Filters with their terms; None where only their number counts."""
BAD = {
    "qed": "no condition that is true or false",
    "qed >": "is no condition",
    "qed > 0.6) and (alerts = 0": "is no condition",
    "molwt > 1": "there is no column 'molwt'",
    "library.qed > 1": "there is no column 'library.qed'",
    "current_date > '2020-01-01'": "there is no column",
    "qed > 'much'": "cannot be worked out",
    "smiles > 1": "cannot be worked out",
    "qed > 1; drop table x": "is no condition",
    "qed > 1 from library": "more than a condition",
    "qed > 1 order by 1": "more than a condition",
    "qed > 1 limit 3": "more than a condition",
    "qed > 1, alerts = 0": "not one condition",
    "qed > 1 as good": "not one condition",
    "*": "a star",
    "qed > ?": "a parameter",
    "qed > (select 1)": "a query within it",
    "exists (from 'a.csv')": "a query within it",
    "row_number() over () > 1": "a window",
    "count(*) > 1": "the function",
    "avg(qed) > 1": "the function",
    "random() > 0.5": "the function 'random'",
    "now() > '2020-01-01'": "the function 'now'",
    "getenv('HOME') = 'x'": "the function 'getenv'",
    "nextval('x') > 1": "the function",
    "error('x')": "the function",
    "current_user() = 'x'": "the function",
    "pg_sleep(3) is null": "the function",
}


@pytest.mark.parametrize("where", GOOD)
def test_it_is_read_as_terms(where):
    terms = parse(where, COLUMNS)
    wanted = GOOD[where]
    assert len(terms) == 1 if wanted is None else [term.text for term in terms] == wanted
    assert {name for term in terms for name in term.columns} <= set(COLUMNS)


def test_terms_know_their_columns_by_their_own_names():
    (term,) = parse("SCORE_MINE > qed", COLUMNS)
    assert term.columns == ("score_Mine", "qed")


@pytest.mark.parametrize("where", BAD)
def test_it_is_refused_in_one_sentence_with_the_columns(where):
    with pytest.raises(ConfigError) as refused:
        parse(where, COLUMNS)
    said = str(refused.value)
    assert BAD[where] in said
    assert "\n" not in said
    assert said.endswith("the columns are smiles, qed, alerts, novel, score_Mine.")


def test_what_is_unknown_does_not_pass():
    table = pa.table({"qed": [0.7, 0.5, None], "alerts": [0, None, 0]})
    assert passing("qed > 0.6", table).tolist() == [True, False, False]
    assert passing("NOT (qed > 0.6)", table).tolist() == [False, True, False]
    assert passing("true", table).tolist() == [True] * 3
    assert passing("qed > 0.6", table.slice(0, 0)).tolist() == []


def test_values_that_it_cannot_be_worked_out_of_are_told():
    with pytest.raises(ConfigError, match="cannot be worked out"):
        passing("CAST(smiles AS INTEGER) > 1", pa.table({"smiles": ["CCO"]}))
