import pytest


@pytest.mark.parametrize("cents", [[999, 1999, 333], [1005], [1015, 1035]])
def test_cart_and_invoice_agree_on_odd_cents(api, cents):
    lines = [{"sku": f"p{price}", "cents": price, "quantity": 1} for price in cents]
    assert api.post("/orders", json={"lines": lines, "coupon": "AUTUMN15"}).status_code == 201
