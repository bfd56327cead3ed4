# ruff: noqa
from __future__ import annotations

import unittest

from sortedcontainers import SortedDict, SortedKeyList, SortedList, SortedSet


class ListTest(unittest.TestCase):
    def setUp(self):
        self.small = SortedList([5, 1, 4, 2, 2])

    def test_order(self):
        self.assertEqual(list(self.small), [1, 2, 2, 4, 5])

    def test_add_and_remove(self):
        self.small.add(3)
        self.small.remove(2)
        self.assertEqual(self.small, [1, 2, 3, 4, 5])

    def test_discard_unknown(self):
        self.small.discard(9)
        self.assertEqual(len(self.small), 5)

    def test_remove_unknown(self):
        with self.assertRaises(ValueError):
            self.small.remove(9)

    def test_bisect(self):
        self.assertEqual((self.small.bisect_left(2), self.small.bisect_right(2)), (1, 3))

    def test_index_and_count(self):
        self.assertEqual(self.small.index(4), 3)
        self.assertEqual(self.small.count(2), 2)

    def test_slices(self):
        self.assertEqual(self.small[1:4], [2, 2, 4])
        self.assertEqual(self.small[::-2], [5, 2, 1])
        self.assertEqual(self.small[-1], 5)

    def test_delete_slice(self):
        del self.small[:2]
        self.assertEqual(list(self.small), [2, 4, 5])

    def test_pop(self):
        self.assertEqual((self.small.pop(), self.small.pop(0)), (5, 1))

    def test_irange(self):
        self.assertEqual(list(self.small.irange(2, 4)), [2, 2, 4])
        self.assertEqual(list(self.small.irange(2, 5, inclusive=(False, False), reverse=True)), [4])

    def test_islice(self):
        self.assertEqual(list(self.small.islice(1, 3)), [2, 2])

    def test_update_large(self):
        many = SortedList(range(0, 4000, 2))
        many.update(range(1, 4000, 2))
        self.assertEqual(many[2001], 2001)
        self.assertIn(3999, many)

    def test_many_blocks(self):
        blocks = SortedList()
        blocks._reset(4)
        for number in reversed(range(100)):
            blocks.add(number)
        self.assertEqual(blocks[50], 50)
        self.assertEqual(blocks.index(77), 77)
        for number in range(0, 100, 2):
            blocks.remove(number)
        self.assertEqual(blocks[10], 21)
        self.assertEqual(list(blocks.islice(3, 5)), [7, 9])

    def test_operators(self):
        self.assertEqual(SortedList([1]) + SortedList([3]), [1, 3])
        self.assertEqual(SortedList([2]) * 2, [2, 2])
        self.assertTrue(SortedList([1, 2]) < SortedList([1, 3]))


def test_key_list():
    words = SortedKeyList(["ccc", "a", "bb"], key=len)
    words.add("dddd")
    assert list(words) == ["a", "bb", "ccc", "dddd"]
    assert words.bisect_key_left(2) == 1
    assert list(words.irange_key(2, 3)) == ["bb", "ccc"]
    assert "bb" in words


def test_dict():
    made = SortedDict({"b": 2, "a": 1})
    made["c"] = 3
    assert list(made.items()) == [("a", 1), ("b", 2), ("c", 3)]
    assert made.peekitem(0) == ("a", 1)
    assert made.popitem() == ("c", 3)
    assert made.keys()[0] == "a"


def test_dict_defaults_and_delete():
    made = SortedDict(z=1)
    assert made.setdefault("y", 5) == 5
    del made["z"]
    assert list(made) == ["y"]
    assert made.pop("q", 0) == 0


def test_dict_union():
    assert list((SortedDict(a=1) | {"0": 2}).keys()) == ["0", "a"]


def test_set():
    made = SortedSet([3, 1, 2])
    assert made[0] == 1
    assert list(made & {1, 3, 9}) == [1, 3]
    assert list(made | {0}) == [0, 1, 2, 3]
    assert list(made - {2}) == [1, 3]
    assert list(made ^ {1, 7}) == [2, 3, 7]


def test_set_changes():
    made = SortedSet("abc")
    made.discard("b")
    made.add("d")
    made.update("xz")
    assert made.pop() == "z"
    assert list(made) == ["a", "c", "d", "x"]
    assert made.isdisjoint("q")
