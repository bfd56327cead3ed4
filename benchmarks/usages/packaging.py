# ruff: noqa
from __future__ import annotations

import unittest

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name, canonicalize_version, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version, parse


class VersionTest(unittest.TestCase):
    def setUp(self):
        self.final = Version("1.4.2")

    def test_parts(self):
        self.assertEqual(self.final.release, (1, 4, 2))
        self.assertEqual((self.final.major, self.final.minor, self.final.micro), (1, 4, 2))

    def test_prerelease_sorts_before_final(self):
        before = Version("1.4.2rc1")
        self.assertLess(before, self.final)
        self.assertTrue(before.is_prerelease)

    def test_dev_and_post(self):
        self.assertTrue(Version("1.0.dev3").is_devrelease)
        post = Version("1.0.post2")
        self.assertEqual(post.post, 2)
        self.assertGreater(post, Version("1.0"))

    def test_local_part(self):
        version = Version("1.0+ubuntu.7")
        self.assertEqual(version.local, "ubuntu.7")
        self.assertEqual(version.public, "1.0")

    def test_normal_form(self):
        self.assertEqual(str(Version("v1.0-ALPHA.1")), "1.0a1")

    def test_epoch(self):
        self.assertGreater(Version("1!0.5"), Version("2024.1"))

    def test_refuses_nonsense(self):
        with self.assertRaises(InvalidVersion):
            Version("not a version")


def test_trailing_zeros_are_equal():
    assert parse("1.0") == parse("1.0.0")


def test_sorted_versions():
    texts = ["1.0", "1.0.dev1", "1.0a1", "1.0.post1", "0.9", "1.0rc2"]
    ordered = sorted(texts, key=Version)
    assert ordered == ["0.9", "1.0.dev1", "1.0a1", "1.0rc2", "1.0", "1.0.post1"]


def test_compatible_release():
    wanted = SpecifierSet("~=2.2")
    assert "2.9" in wanted
    assert "3.0" not in wanted


def test_prefix_match_and_exclusion():
    wanted = SpecifierSet("==1.4.*,!=1.4.3")
    accepted = list(wanted.filter(["1.4", "1.4.3", "1.5", "1.4.9"]))
    assert accepted == ["1.4", "1.4.9"]


def test_prereleases_are_left_out_by_default():
    assert list(SpecifierSet(">=1.0").filter(["1.1a1", "1.2"])) == ["1.2"]
    assert SpecifierSet(">=1.0").contains("1.1a1", prereleases=True)


def test_bounds():
    wanted = SpecifierSet(">1.0,<=2.0")
    assert [v for v in ("1.0", "1.0.1", "2.0", "2.1") if wanted.contains(v)] == ["1.0.1", "2.0"]


def test_specifiers_join():
    joined = SpecifierSet(">=1") & SpecifierSet("<3")
    assert str(joined) == "<3,>=1"


def test_requirement_parts():
    requirement = Requirement('requests[security,socks] >=2.8.1, ==2.8.* ; python_version < "3.9"')
    assert requirement.name == "requests"
    assert requirement.extras == {"security", "socks"}
    assert str(requirement.specifier) == "==2.8.*,>=2.8.1"
    assert str(requirement.marker) == 'python_version < "3.9"'


def test_requirement_with_url():
    requirement = Requirement("tool @ https://example.com/tool.zip")
    assert requirement.url == "https://example.com/tool.zip"


def test_requirement_text():
    assert str(Requirement("Django[argon2]>=4 ; extra == 'web'")) == 'Django[argon2]>=4; extra == "web"'


def test_requirement_refused():
    try:
        Requirement("name ==== 1")
    except InvalidRequirement as error:
        assert "name" in str(error)
    else:
        raise AssertionError("accepted")


def test_marker_evaluates():
    marker = Marker("sys_platform == 'linux' and python_version >= '3.8'")
    environment = {"sys_platform": "linux", "python_version": "3.11"}
    assert marker.evaluate(environment)
    assert not marker.evaluate({"sys_platform": "win32", "python_version": "3.11"})


def test_marker_or_and_parentheses():
    marker = Marker("(os_name == 'nt' or os_name == 'posix') and extra == 'dev'")
    assert marker.evaluate({"os_name": "posix", "extra": "dev"})
    assert not marker.evaluate({"os_name": "posix", "extra": "docs"})


def test_marker_text():
    assert str(Marker("python_version>'3' and os_name=='nt'")) == 'python_version > "3" and os_name == "nt"'


def test_canonical_names():
    assert canonicalize_name("Foo.Bar__baz") == "foo-bar-baz"
    assert canonicalize_version("1.4.0.0") == "1.4"


def test_wheel_file_name():
    name, version, build, tags = parse_wheel_filename("foo_bar-1.0-2-py3-none-any.whl")
    assert (name, str(version), build) == ("foo-bar", "1.0", (2, ""))
    assert tags == frozenset({Tag("py3", "none", "any")})


def test_sdist_file_name():
    name, version = parse_sdist_filename("my-tool-2.5.tar.gz")
    assert (name, version) == ("my-tool", Version("2.5"))


def test_tag_sets():
    assert len(parse_tag("py2.py3-none-any")) == 2
