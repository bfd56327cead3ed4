# ruff: noqa
from __future__ import annotations

import idna


def test_encode_name():
    assert idna.encode("bücher.example") == b"xn--bcher-kva.example"


def test_decode_name():
    assert idna.decode("xn--bcher-kva.example") == "bücher.example"


def test_plain_names_stay():
    assert idna.encode("example.com") == b"example.com"


def test_trailing_dot():
    assert idna.encode("example.com.") == b"example.com."


def test_upper_case_by_uts46():
    assert idna.encode("Königsgäßchen", uts46=True) == b"xn--knigsgchen-b4a3dun"


def test_transitional_dots():
    assert idna.encode("a。b", uts46=True) == b"a.b"


def test_empty_label():
    try:
        idna.encode("a..b")
    except idna.IDNAError as error:
        assert "Empty" in str(error)
    else:
        raise AssertionError("accepted")


def test_too_long():
    try:
        idna.encode("a" * 64)
    except idna.IDNAError as error:
        assert "too long" in str(error)
    else:
        raise AssertionError("accepted")


def test_hyphens():
    for label in ("-a", "a-", "ab--c"):
        try:
            idna.check_hyphen_ok(label)
        except idna.IDNAError:
            continue
        raise AssertionError(label)
    assert idna.check_hyphen_ok("a-b")


def test_bad_code_point():
    try:
        idna.encode("a☃b")
    except idna.InvalidCodepoint as error:
        assert "U+2603" in str(error)
    else:
        raise AssertionError("accepted")


def test_right_to_left():
    assert idna.check_bidi("אבג")
    try:
        idna.check_bidi("אa")
    except idna.IDNABidiError as error:
        assert "Invalid" in str(error)
    else:
        raise AssertionError("accepted")


def test_middle_dot():
    assert idna.valid_contexto("l·l", 1)
    assert not idna.valid_contexto("a·l", 1)


def test_greek_and_hebrew_context():
    assert idna.valid_contexto("͵α", 0)
    assert idna.valid_contexto("א׳", 1)
    assert not idna.valid_contexto("a׳", 1)


def test_katakana_dot():
    assert idna.valid_contexto("ア・", 1)
    assert not idna.valid_contexto("a・", 1)


def test_arabic_digits_are_not_mixed():
    assert idna.valid_contexto("ب٠", 1)
    assert not idna.valid_contexto("٠۰", 0)


def test_labels():
    assert idna.alabel("ü") == b"xn--tda"
    assert idna.ulabel("xn--tda") == "ü"
    assert idna.ulabel(b"plain") == "plain"


def test_joiner():
    assert idna.valid_contextj("क्\u200d", 2)
    assert not idna.valid_contextj("a\u200d", 1)


def test_combining_first():
    try:
        idna.check_initial_combiner("\u0301a")
    except idna.IDNAError as error:
        assert "combining" in str(error)
    else:
        raise AssertionError("accepted")


def test_remap():
    assert idna.uts46_remap("ＡＢ㎏") == "abkg"
