package logline

import (
	"fmt"
	"net/netip"
	"strings"
)

// Addresses is a set of IP addresses without gaps.
type Addresses struct{ first, last netip.Addr }

// ParseAddresses reads one address, a range (10.0.0.1-10.0.0.9) or a prefix
// (10.0.0.0/8), of either version.
func ParseAddresses(text string) (Addresses, error) {
	bad := fmt.Errorf("ip: invalid pattern %q: want an address, a range or a prefix", text)
	if from, to, ok := strings.Cut(text, "-"); ok {
		first, err1 := netip.ParseAddr(strings.TrimSpace(from))
		last, err2 := netip.ParseAddr(strings.TrimSpace(to))
		if err1 != nil || err2 != nil || first.Is4() != last.Is4() || last.Less(first) {
			return Addresses{}, bad
		}
		return Addresses{first, last}, nil
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		p = p.Masked()
		return Addresses{p.Addr(), lastOf(p)}, nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return Addresses{}, bad
	}
	return Addresses{a, a}, nil
}

func lastOf(p netip.Prefix) netip.Addr {
	raw := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(raw)*8; bit++ {
		raw[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(raw)
	return last
}

func (a Addresses) has(addr netip.Addr) bool {
	if addr.Is4In6() && a.first.Is4() {
		addr = addr.Unmap()
	}
	addr = addr.WithZone("")
	return addr.Is4() == a.first.Is4() && a.first.Compare(addr) <= 0 && addr.Compare(a.last) <= 0
}

// In is whether a line has an address of the set somewhere.
func (a Addresses) In(line string) bool {
	for i := 0; i < len(line); {
		if !addressByte(line[i]) {
			i++
			continue
		}
		end := i
		for end < len(line) && addressByte(line[end]) {
			end++
		}
		if a.inRun(line[i:end]) {
			return true
		}
		i = end
	}
	return false
}

// inRun looks at a run of hexadecimal digits, dots and colons, which may be an
// address, one with a port, or one with punctuation behind it.
func (a Addresses) inRun(run string) bool {
	if len(run) > 64 || len(run) < 2 {
		return false
	}
	run = strings.Trim(run, ".")
	if addr, err := netip.ParseAddr(run); err == nil {
		return a.has(addr)
	}
	if addr, err := netip.ParseAddr(strings.TrimSuffix(run, ":")); err == nil {
		return a.has(addr)
	}
	for part := range strings.SplitSeq(run, ":") {
		if strings.Count(part, ".") == 3 {
			if addr, err := netip.ParseAddr(part); err == nil && a.has(addr) {
				return true
			}
		}
	}
	return false
}

func addressByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' || c == '.' || c == ':'
}
