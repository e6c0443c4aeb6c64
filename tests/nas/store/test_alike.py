"""What makes the bytes of two processes differ."""

import platform

from nas.store.alike import described, differences


def test_what_bytes_depend_on_is_described_and_compared(tmp_path):
    (tmp_path / "token").touch()
    found = described(True, tmp_path, "token")
    assert found["Python"] == platform.python_version() and found["device"[:0] + "the device"] in (
        "cpu",
        found["the device"],
    )
    assert found[f"the folder {tmp_path}"] == "seen" and len(found["the code of nas"]) == 64
    assert not differences(found, found)
    other = {**found, "the code of nas": "0", "torch": "1.0"}
    del other["numpy"]
    assert differences(found, other) == [
        "the code of nas is another",
        f"numpy is missing there and {found['numpy']} here",
        f"torch is 1.0 there and {found['torch']} here",
    ]
    unseen = described(False, tmp_path, "nothing")
    assert differences(described(False, tmp_path, "token"), unseen) == [
        f"the folder {tmp_path} is not seen there and seen here"
    ]
    assert "the device" not in unseen
