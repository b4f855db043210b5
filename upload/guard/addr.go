package guard

import "net/netip"

type deniedNet struct {
	net  netip.Prefix
	what string
}

// deniedNets are where no tenant's recording goes unless the operator says so.
var deniedNets = []deniedNet{
	{netip.MustParsePrefix("0.0.0.0/8"), "this host"},
	{netip.MustParsePrefix("10.0.0.0/8"), "a private address"},
	{netip.MustParsePrefix("100.64.0.0/10"), "a carrier's inner address"},
	{netip.MustParsePrefix("127.0.0.0/8"), "a loopback address"},
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local address"},
	{netip.MustParsePrefix("172.16.0.0/12"), "a private address"},
	{netip.MustParsePrefix("192.0.0.0/24"), "an address of a protocol"},
	{netip.MustParsePrefix("192.168.0.0/16"), "a private address"},
	{netip.MustParsePrefix("198.18.0.0/15"), "a test network's address"},
	{netip.MustParsePrefix("224.0.0.0/4"), "a multicast address"},
	{netip.MustParsePrefix("240.0.0.0/4"), "a reserved address"},
	{netip.MustParsePrefix("::/128"), "this host"},
	{netip.MustParsePrefix("::1/128"), "a loopback address"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "a translator's inner address"},
	{netip.MustParsePrefix("100::/64"), "a discarded address"},
	{netip.MustParsePrefix("2001::/32"), "a Teredo address"},
	{netip.MustParsePrefix("5f00::/16"), "a segment of a router"},
	{netip.MustParsePrefix("fc00::/7"), "a private address"},
	{netip.MustParsePrefix("fe80::/10"), "a link-local address"},
	{netip.MustParsePrefix("fec0::/10"), "a site-local address"},
	{netip.MustParsePrefix("ff00::/8"), "a multicast address"},
}

func denied(ip netip.Addr) string {
	for _, d := range deniedNets {
		if d.net.Contains(ip) {
			return d.what
		}
	}
	return ""
}

// metadata are the addresses at which clouds hand their machines credentials.
var metadata = map[netip.Addr]bool{
	netip.MustParseAddr("169.254.169.254"):    true, // nearly all
	netip.MustParseAddr("169.254.169.253"):    true, // AWS resolver
	netip.MustParseAddr("169.254.170.2"):      true, // AWS ECS
	netip.MustParseAddr("169.254.170.23"):     true, // AWS EKS
	netip.MustParseAddr("169.254.0.23"):       true, // Tencent
	netip.MustParseAddr("169.254.10.10"):      true, // Tencent
	netip.MustParseAddr("fd00:ec2::254"):      true, // AWS
	netip.MustParseAddr("fd00:ec2::253"):      true, // AWS resolver
	netip.MustParseAddr("fd00:ec2::23"):       true, // AWS EKS
	netip.MustParseAddr("fd20:ce::254"):       true, // Google
	netip.MustParseAddr("fd00:c1::a9fe:a9fe"): true, // Oracle
	netip.MustParseAddr("fd00:42::42"):        true, // Scaleway
	netip.MustParseAddr("fe80::a9fe:a9fe"):    true, // OpenStack
	netip.MustParseAddr("100.100.100.200"):    true, // Alibaba
	netip.MustParseAddr("192.0.0.192"):        true, // Oracle
	netip.MustParseAddr("168.63.129.16"):      true, // Azure
}

func isMetadata(ip netip.Addr) bool { return metadata[ip] }

var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")    // RFC 6052
	nat64local = netip.MustParsePrefix("64:ff9b:1::/48")  // RFC 8215
	siit       = netip.MustParsePrefix("::ffff:0:0:0/96") // RFC 2765
	sixTo4     = netip.MustParsePrefix("2002::/16")       // RFC 3056
	teredo     = netip.MustParsePrefix("2001::/32")       // RFC 4380
	compat4    = netip.MustParsePrefix("::/96")           // RFC 4291
)

// embedded is the IPv4 address that an IPv6 one leads to, if it does. Mapped
// ones (::ffff:a.b.c.d) are unmapped before.
func embedded(ip netip.Addr) netip.Addr {
	if !ip.Is6() {
		return netip.Addr{}
	}
	b := ip.As16()
	last := [4]byte(b[12:16])
	isatap := (b[8] == 0 || b[8] == 2) && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe // RFC 5214
	switch {
	case nat64.Contains(ip), nat64local.Contains(ip), siit.Contains(ip), compat4.Contains(ip), isatap:
		return netip.AddrFrom4(last)
	case sixTo4.Contains(ip):
		return netip.AddrFrom4([4]byte(b[2:6]))
	case teredo.Contains(ip):
		for i := range last {
			last[i] ^= 0xff
		}
		return netip.AddrFrom4(last)
	}
	return netip.Addr{}
}
