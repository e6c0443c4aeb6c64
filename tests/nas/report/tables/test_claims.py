"""Tables of a ledger made up here."""

from ledgers import LEDGER

from nas.report.tables import claims


def test_cells_are_those_of_the_ledger_with_intervals_and_without_verdicts():
    table = claims.cells(LEDGER)
    assert list(table) == claims.COLUMNS
    first, second = table.to_dict("records")
    assert first == {
        "claim": "It <helps>",
        "NAS": "clusters",
        "held against": "SLIC with as <many>",
        "data set": "made",
        "network": "MobileNetV2",
        "unit": "BoxAcc",
        "mean [interval]": "-0.012 [-0.100, +0.050]",
        "n": "7",
    }
    assert second["mean [interval]"] == "not measured: no photo has a <mask>" and second["n"] == "0"


def test_numbers_of_all_claims_are_a_table_of_numbers():
    table = claims.tidy(LEDGER)
    assert table["name"].tolist() == [claim["name"] for claim in LEDGER["claims"]]
    assert table["value"].isna().tolist() == [False, True, False] and table["null"].tolist() == [0, 0, 0.8]
    assert claims.cells({"claims": []}).empty and list(claims.tidy({"claims": []})) == list(table)
