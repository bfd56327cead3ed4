# ruff: noqa
from __future__ import annotations

import pluggy

spec = pluggy.HookspecMarker("shop")
impl = pluggy.HookimplMarker("shop")


class Spec:
    @spec
    def price(self, item, count):
        """What it costs."""

    @spec(firstresult=True)
    def first(self, item):
        """The first that knows."""

    @spec(historic=True)
    def started(self, name):
        """Told also to those who come late."""


class Simple:
    @impl
    def price(self, item, count):
        return count * 2


class First:
    @impl(tryfirst=True)
    def price(self, item):
        return 100

    @impl
    def first(self, item):
        return None


class Last:
    @impl(trylast=True)
    def price(self):
        return -1

    @impl
    def first(self, item):
        return item.upper()


class Wrapper:
    @impl(wrapper=True)
    def price(self):
        results = yield
        return [*results, "wrapped"]


def manager(*plugins):
    made = pluggy.PluginManager("shop")
    made.add_hookspecs(Spec)
    for plugin in plugins:
        made.register(plugin)
    return made


def test_results_in_order():
    made = manager(Simple(), First(), Last())
    assert made.hook.price(item="a", count=3) == [100, 6, -1]


def test_last_registered_is_first():
    class Other:
        @impl
        def price(self):
            return "other"

    assert manager(Simple(), Other()).hook.price(item="a", count=1) == ["other", 2]


def test_first_result_wins():
    assert manager(First(), Last()).hook.first(item="x") == "X"


def test_wrapper_changes_the_result():
    assert manager(Simple(), Wrapper()).hook.price(item="a", count=1) == [2, "wrapped"]


def test_unregistered_is_not_called():
    plugin = Simple()
    made = manager(plugin, Last())
    made.unregister(plugin)
    assert made.hook.price(item="a", count=1) == [-1]
    assert not made.is_registered(plugin)


def test_names():
    plugin = Simple()
    made = manager()
    made.register(plugin, name="simple")
    assert made.get_name(plugin) == "simple"
    assert made.get_plugin("simple") is plugin
    assert made.has_plugin("simple")
    assert ("simple", plugin) in made.list_name_plugin()


def test_same_name_twice():
    made = manager()
    made.register(Simple(), name="a")
    try:
        made.register(Last(), name="a")
    except ValueError as error:
        assert "a" in str(error)
    else:
        raise AssertionError("accepted")


def test_blocked():
    made = manager()
    made.set_blocked("bad")
    assert made.register(Simple(), name="bad") is None
    assert made.is_blocked("bad")


def test_history():
    heard = []

    class Late:
        @impl
        def started(self, name):
            heard.append(name)

    made = manager()
    made.hook.started.call_historic(kwargs={"name": "one"})
    made.register(Late())
    assert heard == ["one"]


def test_extra_methods():
    made = manager(Simple())
    assert made.hook.price.call_extra([lambda count: count + 1], {"item": "a", "count": 1}) == [2, 2]


def test_subset():
    simple, last = Simple(), Last()
    made = manager(simple, last)
    assert made.subset_hook_caller("price", [simple])(item="a", count=1) == [-1]


def test_unknown_hook_is_refused():
    class Wrong:
        @impl
        def pricee(self):
            return 1

    made = manager(Wrong())
    try:
        made.check_pending()
    except pluggy.PluginValidationError as error:
        assert "pricee" in str(error)
    else:
        raise AssertionError("accepted")


def test_argument_that_the_spec_lacks():
    class Wrong:
        @impl
        def price(self, discount):
            return 1

    try:
        manager(Wrong())
    except pluggy.PluginValidationError as error:
        assert "discount" in str(error)
    else:
        raise AssertionError("accepted")


def test_hook_callers_of_a_plugin():
    last = Last()
    made = manager(last)
    assert sorted(caller.name for caller in made.get_hookcallers(last)) == ["first", "price"]
