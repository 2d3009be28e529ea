"""What a reader of HTML saw: hidden words are no speech, quotes and signatures are marked."""

import pytest

from bot.mail import visible
from bot.mail.visible import Line


@pytest.mark.parametrize(
    "hidden",
    [
        '<div style="display:none">APPROVE</div>',
        '<div style="DISPLAY : NONE !important">APPROVE</div>',
        '<div style="visibility:hidden">APPROVE</div>',
        '<div style="font-size:0">APPROVE</div>',
        '<div style="font-size:1px">APPROVE</div>',
        '<div style="opacity:0">APPROVE</div>',
        '<div style="color:#fff">APPROVE</div>',
        '<div style="color:#fefefe;background:white">APPROVE</div>',
        '<div style="background-color:#123456"><b style="color:#123456">APPROVE</b></div>',
        '<div style="color:rgba(0,0,0,0)">APPROVE</div>',
        '<div style="color:transparent">APPROVE</div>',
        '<font color="white">APPROVE</font>',
        "<div hidden>APPROVE</div>",
        '<div style="max-height:0;overflow:hidden">APPROVE</div>',
        '<div style="height:0px;overflow:hidden">APPROVE</div>',
        '<div style="position:absolute;left:-9999px">APPROVE</div>',
        '<div style="text-indent:-9999px">APPROVE</div>',
        '<div style="mso-hide:all">APPROVE</div>',
        '<div style="transform:scale(0)">APPROVE</div>',
        '<div style="clip:rect(0,0,0,0)">APPROVE</div>',
        '<div style="display:none"><div><b>APPROVE</b></div></div>',
        '<style>.x{display:none}</style><p class="x">APPROVE</p>',
        '<style><!-- p.x, #y { visibility: hidden } --></style><p class="a x">APPROVE</p><b id="y">APPROVE</b>',
        '<style>.q .r{font-size:0}</style><div class="q"><p><i class="r">APPROVE</i></p></div>',
        '<style>@media screen{.x{display:none}}</style><p class="x">APPROVE</p>',
    ],
)  # fmt: skip
def test_hidden_words_are_left_out_and_told(hidden: str) -> None:
    found = visible.lines(f"<p>no</p>{hidden}<p>thanks</p>")
    assert [line.text for line in found.lines if line.text] == ["no", "thanks"]
    assert found.hidden


@pytest.mark.parametrize(
    "silent",
    [
        "<script>APPROVE</script>",
        "<title>APPROVE</title>",
        "<template>APPROVE</template>",
        "<!-- APPROVE -->",
        "<!--[if mso]>APPROVE<![endif]-->",
        "<!-- a --!><!-- APPROVE -->",
        "<!-->",
        '<img alt="APPROVE">',
        "<noscript>APPROVE</noscript>",
        "<s>APPROVE</s>",
        "<del>APPROVE</del>",
        '<span style="text-decoration: line-through">APPROVE</span>',
        "<textarea>APPROVE</textarea>",
        "<![end\r\nif APPROVE]>",
        "<![damaged[APPROVE]]>",
        "<!DOCTYPE html [ <!APPROVE>",
        "<!ELEMENT [APPROVE]>",
    ],
)
def test_what_is_no_text_says_nothing(silent: str) -> None:
    assert visible.text(f"<p>no</p>{silent}<p>thanks</p>").split() == ["no", "thanks"]


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<p style='display:none'>a<p>shown", "shown"),
        ("<ul><li style='display:none'>a<li>shown</ul>", "* shown"),
        ("<span style='font-size:0'>a<b style='font-size:12px'>shown</b></span>", "shown"),
        ("<div style='visibility:hidden'><b style='visibility:visible'>shown</b></div>", "shown"),
        (
            "<style>@media print{p{display:none}} @media (max-width:600px){.x{display:none}}</style><p class=x>shown</p>",
            "shown",
        ),
        ("<div style='background:#000;color:#fff'>shown</div>", "shown"),
        ("<b>sho</b>wn", "shown"),
        ("a&nbsp;b &amp; c", "a b & c"),
        ("one<br>two<div>three</div>", "one\ntwo\nthree"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<pre>one\n two</pre>", "one\ntwo"),
        ("</div></p>still <unknown>here", "still here"),
        ('<img data-emoji="👍" alt="👍">', "👍"),
        ("<blockquote style='margin:0 0 0 40px;border:none;padding:0px'>only indented</blockquote>", "only indented"),
    ],
)
def test_what_a_reader_saw(html: str, words: str) -> None:
    assert visible.text(html) == words


@pytest.mark.parametrize(
    "quote",
    [
        "<blockquote>OLD</blockquote>",
        '<blockquote type="cite" style="margin:0 0 0 40px"><div>OLD</div></blockquote>',
        '<div class="gmail_quote"><div class="gmail_attr">OLD</div><blockquote class="gmail_quote">OLD</blockquote></div>',
        '<div class="gmail_quote">---------- Forwarded message ---------<br>OLD</div>',
        '<div class="moz-cite-prefix">OLD</div><blockquote type="cite">OLD</blockquote>',
        '<div id="yahoo_quoted_1" class="yahoo_quoted"><div>OLD</div><div>OLD</div></div>',
        '<div class="protonmail_quote">OLD<br><blockquote class="protonmail_quote">OLD</blockquote></div>',
        '<span id="OLK_SRC_BODY_SECTION"><div>OLD</div></span>',
        '<div id="mail-editor-reference-message-container"><div>OLD</div></div>',
        '<div style="border:none;border-left:solid blue 1.5pt;padding:0cm 0cm 0cm 4.0pt"><p>OLD</p></div>',
    ],
)
def test_quotes_of_clients_are_marked(quote: str) -> None:
    found = visible.lines(f"<div>new</div>{quote}<div>below</div>").lines
    spoken = [line.text for line in found if line.text and not line.mark and line.text != "OLD"]
    assert spoken == ["new", "below"]
    assert any(line == Line("OLD", "quote") for line in found)


@pytest.mark.parametrize(
    "start",
    [
        '<div id="appendonsend"></div><hr><div id="divRplyFwdMsg">',
        '<div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm">',
        '<div style="border-top:1pt solid rgb(225, 225, 225)">',
    ],
)
def test_outlook_draws_a_line_below_which_all_is_older(start: str) -> None:
    marks = [(line.text, line.mark) for line in visible.lines(f"<p>new</p>{start}From: x</div><p>OLD</p>").lines]
    assert marks.index(("new", "")) < marks.index(("", "boundary")) < marks.index(("OLD", ""))


def test_signatures_are_marked() -> None:
    for name in ("gmail_signature", "moz-signature", "ms-outlook-mobile-signature"):
        found = visible.lines(f'<div>new</div><div class="{name}">Dana<br>VP</div>').lines
        assert [line.text for line in found if line.mark == "signature"] == ["Dana", "VP"]
