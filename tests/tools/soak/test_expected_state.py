from iss_agents.tools.soak.expected_state import Order


def test_what_is_sent_again_is_in_order_and_what_comes_late_is_not() -> None:
    order = Order()
    for number in (1, 2, 3, 2, 3, 4, 6):
        order.note("A", number)
    order.note("B", 1)
    assert order.late == []

    order.note("A", 5)
    assert order.late == ["A 5"]
