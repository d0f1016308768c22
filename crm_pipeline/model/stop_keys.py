"""Keys that say nothing about who somebody is: shared mailboxes, made-up addresses, pages on other people's sites.

What belongs here: lists. How often a key may be shared before it says nothing either is `rules.MAX_SHARING`.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ROLE_MAILBOXES = _words("""
    info office sales sale mail admin administrator support help helpdesk contact contacts hello hi team reception secretary
    hr job jobs career careers resume press pr media marketing billing invoice buh buhgalteria accounting account finance
    zakaz zakazy order orders shop store market opt zakupki tender manager director ceo post postmaster webmaster root
    abuse security service servis priem priemnaya kanc company firma corp all general main inbox site web crm client clients
""")
"""Local parts of mailboxes that belong to a company, not to a person."""

MAILBOXES_NOBODY_READS = _words(
    "noreply no-reply no_reply donotreply do-not-reply mailer-daemon nomail noemail no-email none null"
)

MADE_UP_ADDRESSES = _words("""
    test@test.ru test@test.com test@mail.ru test@gmail.com test@yandex.ru a@a.ru a@a.com aa@aa.ru aaa@aaa.ru 1@1.ru 1@mail.ru
    123@123.ru 123@mail.ru 111@mail.ru qwe@qwe.ru qwerty@mail.ru asd@asd.ru no@no.ru no@no.no no@mail.ru net@net.ru
    net@mail.ru none@none.com none@mail.ru email@email.com email@mail.ru mail@mail.ru user@user.ru user@mail.ru x@x.ru
    xxx@xxx.ru abc@abc.ru example@mail.ru test1@mail.ru test@example.com
""")
"""Addresses people type where a form wants one."""

MADE_UP_PHONES = _words("+71234567890 +71234567891 +79123456789 +70123456789 +79876543210 +78005553535 +79999999999 +79000000000")
"""Numbers people type where a form wants one; a digit repeated seven times makes others."""

SHARED_WEB_DOMAINS = _words("""
    vk.com vk.ru ok.ru t.me telegram.me wa.me instagram.com facebook.com fb.com youtube.com youtu.be linkedin.com twitter.com
    x.com tiktok.com avito.ru ozon.ru wildberries.ru market.yandex.ru yandex.ru ya.ru google.com docs.google.com
    sites.google.com mail.ru gmail.com bk.ru list.ru inbox.ru rambler.ru hh.ru 2gis.ru taplink.cc taplink.ru tilda.ws
    wixsite.com wordpress.com blogspot.com ucoz.ru narod.ru livejournal.com dzen.ru rutube.ru zen.yandex.ru
""")
"""Web domains under which many companies have a page."""

PUBLIC_MAIL_DOMAINS = _words("""
    gmail.com googlemail.com mail.ru bk.ru list.ru inbox.ru internet.ru yandex.ru ya.ru yandex.com yandex.by yandex.kz yandex.ua
    rambler.ru lenta.ru autorambler.ru myrambler.ru hotmail.com outlook.com live.com live.ru msn.com yahoo.com yahoo.co.uk
    ymail.com aol.com cox.net comcast.net verizon.net att.net sbcglobal.net icloud.com me.com mac.com proton.me protonmail.com
    gmx.de gmx.net web.de t-online.de ukr.net i.ua tut.by mail.com qip.ru pochta.ru vk.com mail.example.com
""")
"""Domains of mailboxes that are nobody's office."""
