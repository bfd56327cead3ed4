# ruff: noqa
from __future__ import annotations

from cachetools import LFUCache, LRUCache, RRCache, TTLCache, cached, cachedmethod
from cachetools.keys import hashkey, typedkey


class Ticks:
    def __init__(self):
        self.now = 0

    def __call__(self):
        return self.now


def test_lru_drops_the_oldest_used():
    cache = LRUCache(2)
    cache["a"], cache["b"] = 1, 2
    cache["a"]
    cache["c"] = 3
    assert sorted(cache) == ["a", "c"]


def test_lfu_drops_the_least_used():
    cache = LFUCache(2)
    cache["a"], cache["b"] = 1, 2
    cache["a"], cache["a"], cache["b"]
    cache["c"] = 3
    assert "a" in cache
    assert len(cache) == 2


def test_sizes():
    cache = LRUCache(10, getsizeof=len)
    cache["x"] = "12345"
    cache["y"] = "1234567"
    assert cache.currsize == 7
    assert list(cache) == ["y"]


def test_too_large():
    cache = LRUCache(2, getsizeof=len)
    try:
        cache["x"] = "123"
    except ValueError as error:
        assert "large" in str(error)
    else:
        raise AssertionError("kept")


def test_ttl_expires():
    clock = Ticks()
    cache = TTLCache(5, ttl=10, timer=clock)
    cache["a"] = 1
    clock.now = 5
    cache["b"] = 2
    clock.now = 11
    assert "a" not in cache
    assert cache["b"] == 2
    assert cache.currsize == 1


def test_ttl_len_and_iteration():
    clock = Ticks()
    cache = TTLCache(5, ttl=3, timer=clock)
    cache["a"] = 1
    clock.now = 1
    cache["b"] = 2
    clock.now = 4
    assert len(cache) == 1
    assert list(cache) == ["b"]


def test_ttl_item_set_again_lives_on():
    clock = Ticks()
    cache = TTLCache(2, ttl=3, timer=clock)
    cache["a"] = 1
    clock.now = 2
    cache["a"] = 2
    clock.now = 4
    assert cache.get("a") == 2


def test_pop_and_default():
    cache = LRUCache(3)
    cache.update(a=1, b=2)
    assert cache.pop("a") == 1
    assert cache.pop("a", "none") == "none"
    assert cache.setdefault("c", 9) == 9


def test_popitem_order():
    cache = LRUCache(3)
    cache.update([("a", 1), ("b", 2)])
    assert cache.popitem() == ("a", 1)


def test_random_choice():
    cache = RRCache(2, choice=min)
    cache["a"], cache["b"], cache["c"] = 1, 2, 3
    assert sorted(cache) == ["b", "c"]


def test_decorated_function_is_called_once():
    calls = []

    @cached(LRUCache(4))
    def double(n):
        calls.append(n)
        return 2 * n

    assert [double(2), double(2), double(3)] == [4, 4, 6]
    assert calls == [2, 3]


def test_decorated_method():
    class Box:
        def __init__(self):
            self.cache = LRUCache(2)
            self.calls = 0

        @cachedmethod(lambda self: self.cache)
        def get(self, n):
            self.calls += 1
            return n

    box = Box()
    box.get(1), box.get(1)
    assert box.calls == 1


def test_keys():
    assert hashkey(1, a=2) == hashkey(1, a=2)
    assert hashkey(1) != hashkey(2)
    assert typedkey(1) != typedkey(1.0)
    assert hash(hashkey("x", y=1)) == hash(hashkey("x", y=1))
