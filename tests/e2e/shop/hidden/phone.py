def test_a_customer_without_a_phone_number_has_a_card(api):
    answer = api.get("/customers/2")
    assert answer.status_code == 200
    assert answer.json()["name"] == "Mei Tanaka"
