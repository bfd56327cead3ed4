# ruff: noqa
from __future__ import annotations

import attr
from attr import asdict, astuple, evolve, fields, filters, setters, validators


@attr.s(order=True)
class Point:
    x = attr.ib(default=0, converter=int)
    y = attr.ib(default=0, validator=validators.instance_of(int))


@attr.s(frozen=True)
class Line:
    start = attr.ib()
    tags = attr.ib(factory=list)
    _secret = attr.ib(default=None, repr=False)


def test_repr():
    assert repr(Point(1, 2)) == "Point(x=1, y=2)"


def test_equality_and_order():
    assert Point(1, 2) == Point("1", 2)
    assert Point(1, 2) != Point(1, 3)
    assert Point(1, 2) < Point(2, 0)


def test_validated():
    try:
        Point(1, "2")
    except TypeError as error:
        assert "'y' must be" in error.args[0]
    else:
        raise AssertionError("accepted")


def test_frozen():
    line = Line(1)
    try:
        line.start = 2
    except attr.exceptions.FrozenInstanceError:
        assert line.start == 1
    else:
        raise AssertionError("changed")


def test_private_names_and_hidden_repr():
    assert repr(Line(1, secret=9)) == "Line(start=1, tags=[])"


def test_factory_is_fresh():
    assert Line(1).tags is not Line(2).tags


def test_as_dict_goes_deep():
    assert asdict(Line(Point(1, 2), [Point()])) == {"start": {"x": 1, "y": 2}, "tags": [{"x": 0, "y": 0}], "_secret": None}


def test_as_dict_filtered():
    assert asdict(Point(1, 2), filter=filters.exclude("x")) == {"y": 2}
    assert asdict(Point(1, 2), filter=filters.include(fields(Point).x)) == {"x": 1}


def test_as_tuple():
    assert astuple(Line(Point(1, 2), [3])) == ((1, 2), [3], None)


def test_evolved():
    assert evolve(Point(1, 2), y=5) == Point(1, 5)
    assert evolve(Line(1, secret=2), start=3)._secret == 2


def test_fields():
    assert [field.name for field in fields(Line)] == ["start", "tags", "_secret"]
    assert fields(Point).x.default == 0


def test_keyword_only_and_order_of_defaults():
    @attr.s
    class Box:
        a = attr.ib(default=1)
        b = attr.ib(kw_only=True)

    assert Box(b=2) == Box(1, b=2)


def test_mandatory_after_default():
    try:

        @attr.s
        class Box:
            a = attr.ib(default=1)
            b = attr.ib()
    except ValueError as error:
        assert "No mandatory attributes" in str(error)
    else:
        raise AssertionError("accepted")


def test_inherited():
    @attr.s
    class Child(Point):
        z = attr.ib(default=3)

    assert repr(Child(1, 2)) == "Child(x=1, y=2, z=3)"


def test_default_of_self():
    @attr.s
    class Box:
        a = attr.ib()
        b = attr.ib()

        @b.default
        def _twice(self):
            return 2 * self.a

    assert Box(4).b == 8


def test_slots():
    @attr.s(slots=True)
    class Box:
        a = attr.ib(default=1)

    box = Box()
    assert not hasattr(box, "__dict__")
    assert box.a == 1


def test_hash():
    @attr.s(frozen=True)
    class Key:
        a = attr.ib()
        b = attr.ib(eq=False)

    assert hash(Key(1, 2)) == hash(Key(1, 3))
    assert Key(1, 2) == Key(1, 3)


def test_validators_join():
    @attr.s
    class Box:
        a = attr.ib(validator=[validators.instance_of(int), validators.in_([1, 2])])
        b = attr.ib(default=None, validator=validators.optional(validators.max_len(3)))

    assert Box(2, "abc").a == 2
    for arguments in ((3,), ("1",), (1, "abcd")):
        try:
            Box(*arguments)
        except (ValueError, TypeError):
            continue
        raise AssertionError(f"accepted {arguments}")


def test_numbers_validated():
    for check, good, bad in ((validators.lt(5), 4, 5), (validators.ge(5), 5, 4), (validators.matches_re("a+"), "aa", "b")):

        @attr.s
        class Box:
            a = attr.ib(validator=check)

        assert Box(good).a == good
        try:
            Box(bad)
        except ValueError:
            continue
        raise AssertionError(f"accepted {bad}")


def test_on_setattr():
    @attr.s(on_setattr=setters.pipe(setters.convert, setters.validate))
    class Box:
        a = attr.ib(converter=int, validator=validators.ge(0))

    box = Box("1")
    box.a = "7"
    assert box.a == 7


def test_converters():
    from attr import converters

    @attr.s
    class Box:
        a = attr.ib(converter=converters.optional(int))
        b = attr.ib(default=None, converter=converters.default_if_none(5))

    assert (Box(None).a, Box("3").a, Box(1, None).b) == (None, 3, 5)
    assert converters.to_bool("on") is True


def test_made_class():
    made = attr.make_class("Made", ["a", "b"])
    assert made(1, b=2) == made(1, 2)


def test_custom_compare():
    made = attr.cmp_using(eq=lambda a, b: a % 10 == b % 10)

    @attr.s
    class Box:
        a = attr.ib(eq=made)

    assert Box(3) == Box(13)
