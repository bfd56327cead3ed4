def test_an_unknown_coupon_is_refused(api):
    assert api.get("/coupons/SPRING20?subtotal=4000").status_code == 422
