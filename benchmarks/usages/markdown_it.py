# ruff: noqa
from __future__ import annotations

import unittest

from markdown_it import MarkdownIt


def html(text, preset="commonmark", **options):
    return MarkdownIt(preset, options).render(text)


class BlockTest(unittest.TestCase):
    def test_heading(self):
        self.assertEqual(html("## Two ##\n"), "<h2>Two</h2>\n")

    def test_underlined_heading(self):
        self.assertEqual(html("One\n===\n"), "<h1>One</h1>\n")

    def test_paragraphs(self):
        self.assertEqual(html("a\nb\n\nc\n"), "<p>a\nb</p>\n<p>c</p>\n")

    def test_list(self):
        self.assertEqual(html("- a\n- b\n"), "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n")

    def test_ordered_list_start(self):
        self.assertEqual(html("3. c\n4. d\n"), '<ol start="3">\n<li>c</li>\n<li>d</li>\n</ol>\n')

    def test_nested_list(self):
        self.assertEqual(html("- a\n  - b\n"), "<ul>\n<li>a\n<ul>\n<li>b</li>\n</ul>\n</li>\n</ul>\n")

    def test_loose_list(self):
        self.assertIn("<li>\n<p>a</p>\n</li>", html("- a\n\n- b\n"))

    def test_quote(self):
        self.assertEqual(html("> q\n> r\n"), "<blockquote>\n<p>q\nr</p>\n</blockquote>\n")

    def test_fence(self):
        self.assertEqual(html("```py\nx < 1\n```\n"), '<pre><code class="language-py">x &lt; 1\n</code></pre>\n')

    def test_indented_code(self):
        self.assertEqual(html("    code\n"), "<pre><code>code\n</code></pre>\n")

    def test_rule(self):
        self.assertEqual(html("***\n"), "<hr />\n")

    def test_html_block(self):
        self.assertEqual(html("<div>\n*x*\n</div>\n"), "<div>\n*x*\n</div>\n")

    def test_table(self):
        made = MarkdownIt().enable("table").render("|a|b|\n|-|:-:|\n|1|2|\n")
        self.assertIn('<th style="text-align:center">b</th>', made)
        self.assertIn("<td>1</td>", made)


def test_emphasis():
    assert html("*a* **b** ***c***") == "<p><em>a</em> <strong>b</strong> <em><strong>c</strong></em></p>\n"


def test_underscores_inside_words():
    assert html("snake_case_name") == "<p>snake_case_name</p>\n"


def test_code_span():
    assert html("`` a`b ``") == "<p><code>a`b</code></p>\n"


def test_link():
    assert html('[t](http://x.y/a b "q")') != html('[t](http://x.y/a "q")')
    assert html('[t](/u "q")') == '<p><a href="/u" title="q">t</a></p>\n'


def test_reference_link():
    assert html("[t][r]\n\n[r]: /u 'T'\n") == '<p><a href="/u" title="T">t</a></p>\n'


def test_image():
    assert html("![a *b*](/i.png)") == '<p><img src="/i.png" alt="a b" /></p>\n'


def test_autolink():
    assert html("<http://x.y/?a=b&c>") == '<p><a href="http://x.y/?a=b&amp;c">http://x.y/?a=b&amp;c</a></p>\n'


def test_escapes_and_entities():
    assert html("\\*a\\* &copy; &#35;") == "<p>*a* © #</p>\n"


def test_breaks():
    assert html("a  \nb\\\nc") == "<p>a<br />\nb<br />\nc</p>\n"


def test_strikethrough():
    made = MarkdownIt().enable("strikethrough").render("~~gone~~")
    assert made == "<p><s>gone</s></p>\n"


def test_javascript_links_are_refused():
    assert "href" not in html("[x](javascript:alert(1))")


def test_tokens():
    tokens = MarkdownIt().parse("# a\n\ntext")
    assert [token.type for token in tokens] == ["heading_open", "inline", "heading_close", "paragraph_open", "inline", "paragraph_close"]
    assert tokens[3].map == [2, 3]


def test_typographer():
    made = MarkdownIt("commonmark", {"typographer": True}).enable(["replacements", "smartquotes"])
    assert made.render('(c) "x" ...') == "<p>© “x” …</p>\n"
