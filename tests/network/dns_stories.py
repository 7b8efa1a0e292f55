"""Faults of the DNS, and what looks like one and is none: each a zone on real name servers."""

from __future__ import annotations

from typing import Final

from tests.network.name_servers import (
    AUTHORITY_V4,
    LOOK_ALIKE_V4,
    OTHER_AUTHORITY_V4,
    WEB_V4,
    WEB_V6,
    Story,
)
from tests.network.namespaces import PROXY_V4, SERVER_V4, SERVER_V6

_GOOD: Final = (f"api A {SERVER_V4}",)
_OLD: Final = "203.0.113.7"
_CLOUDFLARE: Final = "104.16.132.229"
_MANY: Final = tuple(f"api A 198.51.100.{last}" for last in range(1, 121))

HEALTHY: Final[dict[str, Story]] = {
    "healthy": Story(_GOOD, also=("dns.answers.ok", "dns.delegation.ok", "dns.connects.ok")),
    "both-families": Story(
        (f"api A {WEB_V4}", f"api AAAA {WEB_V6}"), also=("dns.answers.ok", "dns.connects.ok")
    ),
    "signed": Story(_GOOD, signed="well", also=("dns.dnssec.ok",)),
    "alias": Story(("api CNAME www", f"www A {SERVER_V4}"), also=("dns.alias.leads",)),
    "round-robin": Story(
        tuple(f"api A 203.0.113.{last}" for last in range(10, 15)), also=("dns.answers.ok",)
    ),
    "signed-alias": Story(
        ("api CNAME www", f"www A {SERVER_V4}"), signed="well", also=("dns.dnssec.ok",)
    ),
    "signed-wildcard": Story((f"* A {SERVER_V4}",), signed="well", also=("dns.dnssec.ok",)),
    "wildcard": Story((f"* A {SERVER_V4}",), also=("dns.wildcard.covers",)),
    # Whichever is meant, it is reached.
    "slip-to-the-same-server": Story(
        (*_GOOD, f"* A {SERVER_V4}"), names=("apo", "api"), also=("dns.wildcard.covers",)
    ),
    "numbered-under-a-wildcard": Story(
        (f"api1 A {WEB_V4}", f"* A {SERVER_V4}"), names=("api1", "api2"), also=("dns.resolves.ok",)
    ),
    "old-address-beside-the-servers": Story(
        (*_GOOD, f"api A {_OLD}"), server=SERVER_V4, also=("dns.server.ok",)
    ),
    "caa": Story((*_GOOD, '@ CAA 0 issue "ca.test"'), also=("dns.caa.ok",)),
    "caa-far-above": Story(
        (f"a.b.c.d.e A {SERVER_V4}", '@ CAA 0 issue "ca.test"'),
        names=("a.b.c.d.e",),
        also=("dns.caa.ok",),
    ),
    "caa-names-the-issuer": Story(
        (f"api A {AUTHORITY_V4}", '@ CAA 0 issue "letsencrypt.org"'),
        certificate="Let's Encrypt",
        also=("dns.caa.ok",),
    ),
    "private": Story(("api A 10.0.0.7",), also=("dns.addresses.ok",)),
    "api-behind-a-cdn": Story((f"api A {_CLOUDFLARE}",), also=("dns.addresses.api-proxied",)),
    "the-server-of-the-settings": Story(_GOOD, server=SERVER_V4, also=("dns.server.ok",)),
    "two-resolvers": Story(_GOOD, resolvers=("fresh", "credulous"), also=("dns.answers.ok",)),
    "long-answer": Story(_MANY, also=("dns.answers.ok", "dns.resolver.ok")),
    "resolvers-of-the-system": Story(_GOOD, by_system=True, also=("dns.system.ok",)),
    "nothing-at-443": Story((f"api A {PROXY_V4}",), also=("dns.connects.nobody",)),
}

FAULTS: Final[dict[str, Story]] = {
    # Signatures
    "expired-signatures": Story(
        _GOOD,
        signed="expired",
        problems=("dns.dnssec.expired",),
        causes=("dns-signatures-expired",),
    ),
    "expired-wildcard": Story(
        (f"* A {SERVER_V4}",),
        signed="expired",
        problems=("dns.dnssec.expired",),
        causes=("dns-signatures-expired",),
    ),
    "expired-alias": Story(
        ("api CNAME www", f"www A {SERVER_V4}"),
        signed="expired",
        problems=("dns.dnssec.expired",),
        causes=("dns-signatures-expired",),
    ),
    "key-of-another-provider": Story(
        _GOOD, signed="another-key", problems=("dns.dnssec.wrong-key",), causes=("dns-ds-mismatch",)
    ),
    "no-longer-signed": Story(
        _GOOD, signed="stripped", problems=("dns.dnssec.not-signed",), causes=("dns-ds-mismatch",)
    ),
    "forged": Story(
        _GOOD, signed="forged", problems=("dns.dnssec.bogus",), causes=("dns-dnssec-bogus",)
    ),
    # The first resolver is broken, and the second one refuses the signatures.
    "expired-for-the-second-resolver": Story(
        _GOOD,
        signed="expired",
        resolvers=("closed", "fresh"),
        problems=("dns.dnssec.expired", "dns.resolver.refuses"),
        causes=("dns-resolver-down", "dns-signatures-expired"),
    ),
    "expired-for-those-who-verify": Story(
        _GOOD,
        signed="expired",
        resolvers=("credulous", "fresh"),
        problems=("dns.dnssec.expired",),
        causes=("dns-signatures-expired",),
    ),
    # Records
    "no-such-name": Story(
        (f"www A {SERVER_V4}",), problems=("dns.resolves.no-name",), causes=("dns-no-record",)
    ),
    "no-address": Story(
        ('api TXT "nothing"',), problems=("dns.resolves.no-address",), causes=("dns-no-record",)
    ),
    "empty-non-terminal": Story(
        (f"deep.api A {SERVER_V4}",),
        problems=("dns.resolves.no-address",),
        causes=("dns-no-record",),
    ),
    "signed-and-no-such-name": Story(
        (f"www A {SERVER_V4}",),
        signed="well",
        problems=("dns.resolves.no-name",),
        causes=("dns-no-record",),
        also=("dns.dnssec.ok",),
    ),
    "dangling-alias": Story(
        ("api CNAME gone",),
        problems=("dns.alias.dangling", "dns.resolves.no-name"),
        causes=("dns-alias-dangling",),
    ),
    "alias-without-an-address": Story(
        ("api CNAME www", 'www TXT "nothing"'),
        problems=("dns.alias.dangling", "dns.resolves.no-address"),
        causes=("dns-alias-dangling",),
    ),
    "signed-and-dangling": Story(
        ("api CNAME gone",),
        signed="well",
        problems=("dns.alias.dangling", "dns.resolves.no-name"),
        causes=("dns-alias-dangling",),
    ),
    "alias-loop": Story(
        ("api CNAME b", "b CNAME api"), problems=("dns.alias.loop",), causes=("dns-alias-loop",)
    ),
    "alias-loop-further-on": Story(
        ("api CNAME a", "a CNAME b", "b CNAME a"),
        problems=("dns.alias.loop",),
        causes=("dns-alias-loop",),
    ),
    # Delegation
    "lame-server": Story(
        _GOOD, served="first", problems=("dns.delegation.lame",), causes=("dns-delegation-lame",)
    ),
    "silent-server": Story(
        _GOOD,
        served="silent-second",
        problems=("dns.delegation.silent",),
        causes=("dns-delegation-lame",),
    ),
    "server-without-an-address": Story(
        (*_GOOD, "@ NS ns3"),
        problems=("dns.delegation.nowhere",),
        causes=("dns-delegation-lame",),
    ),
    "served-by-nobody": Story(
        _GOOD, served="nobody", problems=("dns.delegation.nobody",), causes=("dns-delegation-lame",)
    ),
    # Servers and resolvers that disagree
    "change-on-one-server-only": Story(
        _GOOD,
        second=(f"api A {_OLD}",),
        problems=("dns.answers.authorities-differ",),
        causes=("dns-resolvers-disagree",),
    ),
    "name-on-one-server-only": Story(
        _GOOD,
        second=(f"www A {SERVER_V4}",),
        problems=("dns.answers.authorities-differ",),
        perhaps=("dns.resolves.no-name",),
        causes=("dns-resolvers-disagree",),
    ),
    "only-the-other-family-on-one-server": Story(
        (f"api A {WEB_V4}",),
        second=(f"api AAAA {WEB_V6}",),
        problems=("dns.answers.authorities-differ",),
        perhaps=("dns.resolves.no-address",),
        causes=("dns-resolvers-disagree",),
    ),
    "alias-to-nothing-on-one-server": Story(
        _GOOD,
        second=("api CNAME gone",),
        problems=("dns.answers.authorities-differ",),
        perhaps=(
            "dns.resolves.no-name",
            "dns.alias.dangling",
        ),
        causes=("dns-resolvers-disagree",),
        perhaps_causes=("dns-alias-dangling",),
    ),
    "resolver-remembers": Story(
        _GOOD,
        before=(f"api A {_OLD}",),
        resolvers=("held", "fresh"),
        problems=("dns.answers.stale",),
        causes=("dns-resolvers-disagree",),
    ),
    "every-resolver-remembers": Story(
        _GOOD,
        before=(f"api A {PROXY_V4}",),
        resolvers=("held",),
        server=SERVER_V4,
        problems=("dns.answers.stale", "dns.server.partly"),
        causes=("dns-resolvers-disagree",),
    ),
    "resolver-remembers-that-there-was-none": Story(
        _GOOD,
        before=(f"www A {_OLD}",),
        resolvers=("held", "fresh"),
        problems=("dns.answers.missing", "dns.resolves.no-name"),
        causes=("dns-resolvers-disagree",),
    ),
    "old-ipv6-beside-the-same-ipv4": Story(
        (f"api A {WEB_V4}", f"api AAAA {WEB_V6}"),
        before=(f"api A {WEB_V4}", "api AAAA 2001:db8::7"),
        resolvers=("fresh", "held"),
        problems=("dns.answers.stale",),
        causes=("dns-resolvers-disagree",),
    ),
    "new-ipv6-not-known-yet": Story(
        (f"api A {WEB_V4}", f"api AAAA {WEB_V6}"),
        before=(f"api A {WEB_V4}",),
        resolvers=("fresh", "held"),
        problems=("dns.answers.stale",),
        causes=("dns-resolvers-disagree",),
    ),
    "split-horizon": Story(
        _GOOD,
        resolvers=("inner",),
        problems=("dns.answers.split",),
        causes=("dns-split-horizon",),
    ),
    # Resolvers
    "resolver-down": Story(
        _GOOD,
        resolvers=("fresh", "absent"),
        problems=("dns.resolver.silent",),
        causes=("dns-resolver-down",),
    ),
    "resolver-that-finds-nobody": Story(
        _GOOD,
        resolvers=("fresh", "lost"),
        perhaps=("dns.resolver.silent", "dns.resolver.refuses"),
        causes=("dns-resolver-down",),
    ),
    "resolver-of-other-people": Story(
        _GOOD,
        resolvers=("fresh", "closed"),
        problems=("dns.resolver.refuses",),
        causes=("dns-resolver-down",),
    ),
    "tcp-blocked": Story(
        _MANY,
        resolvers=("fresh", "udp-only"),
        problems=("dns.resolver.cut",),
        causes=("dns-tcp-blocked",),
    ),
    "only-resolver-down": Story(_GOOD, resolvers=("absent",), undetermined=True),
    # Addresses
    "private-beside-public": Story(
        (*_GOOD, "api A 10.0.0.7"),
        problems=("dns.addresses.mixed",),
        causes=("dns-points-elsewhere",),
    ),
    "private-ipv6-beside-public": Story(
        (*_GOOD, "api AAAA fd00::7"),
        problems=("dns.addresses.mixed", "dns.connects.one-family"),
        causes=("dns-ipv6-broken", "dns-points-elsewhere"),
    ),
    "private-livekit": Story(
        (*_GOOD, "livekit A 10.0.0.7"),
        names=(),
        in_settings=("api", "livekit"),
        problems=("dns.addresses.narrower",),
        causes=("dns-private-address",),
    ),
    "livekit-behind-a-cdn": Story(
        (*_GOOD, f"livekit A {_CLOUDFLARE}"),
        names=(),
        in_settings=("api", "livekit"),
        problems=("dns.addresses.proxied",),
        causes=("dns-cdn-proxied",),
    ),
    "another-server": Story(
        (f"api A {WEB_V4}",),
        server=SERVER_V4,
        problems=("dns.server.elsewhere",),
        causes=("dns-points-elsewhere",),
    ),
    "another-server-by-alias": Story(
        ("api CNAME www", f"www A {WEB_V4}"),
        server=SERVER_V4,
        problems=("dns.server.elsewhere",),
        causes=("dns-points-elsewhere",),
    ),
    "ipv6-refuses": Story(
        (*_GOOD, f"api AAAA {SERVER_V6}"),
        problems=("dns.connects.one-family",),
        causes=("dns-ipv6-broken",),
    ),
    "ipv6-of-the-target-refuses": Story(
        (*_GOOD, f"api AAAA {SERVER_V6}"),
        names=(),
        in_settings=("api",),
        problems=("dns.connects.one-family",),
        causes=("dns-ipv6-broken",),
    ),
    # Around a name
    "slip-under-a-wildcard": Story(
        (f"livekit A {WEB_V4}", f"* A {SERVER_V4}"),
        names=("livkit", "livekit"),
        problems=("dns.wildcard.slip",),
        causes=("dns-wildcard-slip",),
    ),
    "slip-of-the-settings": Story(
        (f"livekit A {WEB_V4}", f"* A {SERVER_V4}"),
        names=(),
        in_settings=("livekti", "livekit"),
        problems=("dns.wildcard.slip",),
        causes=("dns-wildcard-slip",),
    ),
    "caa-bars-the-issuer": Story(
        (f"api A {OTHER_AUTHORITY_V4}", '@ CAA 0 issue "digicert.com"'),
        shown_at=OTHER_AUTHORITY_V4,
        certificate="Let's Encrypt",
        problems=("dns.caa.forbids",),
        causes=("caa-forbids-issuer",),
    ),
    # How names are written
    "look-alike-in-use": Story(
        _GOOD,
        names=(),
        in_settings=("api", "@eloquence.test"),
        problems=("dns.lookalike.in-use",),
        causes=("dns-lookalike-domain",),
    ),
    "certificate-of-the-look-alike": Story(
        (f"api A {LOOK_ALIKE_V4}",),
        shown_at=LOOK_ALIKE_V4,
        certificate="Lab",
        certified="api.certificate-of-the-look-alike.eloquence.test",
        problems=("dns.lookalike.certificate",),
        causes=("cert-name-mismatch",),
    ),
    "punycode-mismatch": Story(
        _GOOD,
        names=(),
        in_settings=("api", "livekit.@xn--loquence-90b.test"),
        problems=("dns.label.near", "dns.resolves.no-name"),
        causes=("dns-punycode-mismatch",),
    ),
    # This machine
    "hosts-file-leads-elsewhere": Story(
        _GOOD,
        hosts=(f"{WEB_V4} api",),
        problems=("dns.system.differs",),
        causes=("own-name-override",),
    ),
    "only-in-the-hosts-file-and-nobody-else-is-asked": Story(
        (f"www A {SERVER_V4}",),
        hosts=(f"{WEB_V4} api",),
        by_system=True,
        problems=("dns.system.only-here",),
        causes=("own-name-override",),
        also=("dns.resolves.ok",),
    ),
    "only-in-the-hosts-file": Story(
        (f"www A {SERVER_V4}",),
        hosts=(f"{WEB_V4} api",),
        problems=("dns.resolves.no-name", "dns.system.only-here"),
        causes=("own-name-override",),
    ),
}

STORIES: Final = {**HEALTHY, **FAULTS}
