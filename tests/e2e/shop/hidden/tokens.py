from shop.settings import SETTINGS


def test_an_answer_of_120_tokens_is_not_cut():
    assert SETTINGS["assistant"]["max_tokens"] >= 120
