/* Drops packets by source address, by source address and destination port, or by source network.
 *
 * Everything that is not surely an unexpired, not allowed, blocked source passes: an unknown protocol, a malformed
 * header, a third VLAN tag. The allow list is asked only before a drop, so an innocent packet does not pay for it.
 *
 * The shape is what loads without CAP_PERFMON, whose lack forbids a packet pointer plus or minus anything that is not a
 * constant: addresses reach the judges as scalars, and what lies at a variable offset is copied out. */

#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "xdp_block.h"

#define VLAN_TAGS 2
#define EXTENSION_HEADERS 4

struct vlan {
	__be16 tag;
	__be16 protocol;
};

struct extension {
	__u8 next;
	__u8 length; /* 8-byte units after the first 8 bytes; RFC 8200, section 4 */
	__be16 fragment;
	__be32 rest;
};

struct ports {
	__be16 source;
	__be16 destination;
};

/* Sizes are the defaults; the loader sets others before it loads. Never LRU: it evicts live entries long before it is
 * full, and an attacker with many sources would choose which. */
#define MAP(name, kind, key_type, value_type, size, create_flags)                                                      \
	struct {                                                                                                       \
		__uint(type, kind);                                                                                    \
		__type(key, key_type);                                                                                 \
		__type(value, value_type);                                                                             \
		__uint(max_entries, size);                                                                             \
		__uint(map_flags, create_flags);                                                                       \
		__uint(pinning, LIBBPF_PIN_BY_NAME);                                                                   \
	} name SEC(".maps")

MAP(blocked4, BPF_MAP_TYPE_HASH, __u32, struct entry, 65536, 0);
MAP(blocked6, BPF_MAP_TYPE_HASH, struct address6, struct entry, 65536, 0);
MAP(endpoints4, BPF_MAP_TYPE_HASH, struct endpoint4, struct entry, 16384, 0);
MAP(endpoints6, BPF_MAP_TYPE_HASH, struct endpoint6, struct entry, 16384, 0);
MAP(networks4, BPF_MAP_TYPE_LPM_TRIE, struct network4, struct entry, 16384, BPF_F_NO_PREALLOC);
MAP(networks6, BPF_MAP_TYPE_LPM_TRIE, struct network6, struct entry, 16384, BPF_F_NO_PREALLOC);
MAP(allowed4, BPF_MAP_TYPE_LPM_TRIE, struct network4, __u8, 4096, BPF_F_NO_PREALLOC);
MAP(allowed6, BPF_MAP_TYPE_LPM_TRIE, struct network6, __u8, 4096, BPF_F_NO_PREALLOC);
MAP(totals, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct total, REASONS, 0);

/* While user space has put in no endpoint, no packet pays for a port's look-up: a sixth of an innocent packet's time. */
MAP(switches, BPF_MAP_TYPE_ARRAY, __u32, __u32, SWITCHES, 0);

static __always_inline bool on(__u32 which)
{
	__u32 *value = bpf_map_lookup_elem(&switches, &which);

	return value && *value;
}

static __always_inline void count(__u32 reason, __u64 bytes)
{
	struct total *total = bpf_map_lookup_elem(&totals, &reason);

	if (total) {
		total->packets += 1;
		total->bytes += bytes;
	}
}

static __always_inline bool live(const struct entry *entry, __u64 bytes)
{
	if (!entry)
		return false;
	if (!entry->expires || entry->expires > bpf_ktime_get_boot_ns())
		return true;
	count(EXPIRED, bytes);
	return false;
}

static __always_inline int drop(struct entry *entry, const void *allowed, __u32 reason, __u64 bytes)
{
	if (allowed) {
		count(ALLOWED, bytes);
		return XDP_PASS;
	}
	__sync_fetch_and_add(&entry->packets, 1);
	__sync_fetch_and_add(&entry->bytes, bytes);
	count(reason, bytes);
	return XDP_DROP;
}

static __noinline int judge4(__u32 source, __u16 port, __u64 bytes)
{
	struct network4 host = { .length = 32, .address = source };
	struct endpoint4 endpoint = { .address = source, .port = port };
	struct entry *entry;

	entry = bpf_map_lookup_elem(&blocked4, &source);
	if (live(entry, bytes))
		return drop(entry, bpf_map_lookup_elem(&allowed4, &host), DROPPED_ADDRESS, bytes);
	if (port) {
		entry = bpf_map_lookup_elem(&endpoints4, &endpoint);
		if (live(entry, bytes))
			return drop(entry, bpf_map_lookup_elem(&allowed4, &host), DROPPED_ENDPOINT, bytes);
	}
	entry = bpf_map_lookup_elem(&networks4, &host);
	if (live(entry, bytes))
		return drop(entry, bpf_map_lookup_elem(&allowed4, &host), DROPPED_NETWORK, bytes);
	count(PASSED, bytes);
	return XDP_PASS;
}

static __noinline int judge6(__u64 high, __u64 low, __u16 port, __u64 bytes)
{
	struct endpoint6 endpoint = { .address = { high, low }, .port = port };
	struct network6 host = { .length = 128, .address = { high, high >> 32, low, low >> 32 } };
	struct entry *entry;

	entry = bpf_map_lookup_elem(&blocked6, &endpoint.address);
	if (live(entry, bytes))
		return drop(entry, bpf_map_lookup_elem(&allowed6, &host), DROPPED_ADDRESS, bytes);
	if (port) {
		entry = bpf_map_lookup_elem(&endpoints6, &endpoint);
		if (live(entry, bytes))
			return drop(entry, bpf_map_lookup_elem(&allowed6, &host), DROPPED_ENDPOINT, bytes);
	}
	entry = bpf_map_lookup_elem(&networks6, &host);
	if (live(entry, bytes))
		return drop(entry, bpf_map_lookup_elem(&allowed6, &host), DROPPED_NETWORK, bytes);
	count(PASSED, bytes);
	return XDP_PASS;
}

/* 0 = no port: another protocol, a later fragment, or cut off. */
static __always_inline __u16 destination_port(struct xdp_md *ctx, __u32 offset, __u8 protocol)
{
	struct ports ports;

	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
		return 0;
	if (bpf_xdp_load_bytes(ctx, offset, &ports, sizeof(ports)))
		return 0;
	return ports.destination;
}

/* The source is in the fixed header; only the port needs the walk, or a hop-by-hop header would evade a port's block. */
static __always_inline __u16 ipv6_port(struct xdp_md *ctx, __u32 offset, __u8 next)
{
	struct extension header;

	for (int i = 0; i < EXTENSION_HEADERS; i++) {
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS &&
		    next != IPPROTO_FRAGMENT)
			break;
		if (bpf_xdp_load_bytes(ctx, offset, &header, sizeof(header)))
			return 0;
		if (next == IPPROTO_FRAGMENT && header.fragment & bpf_htons(0xfff8))
			return 0;
		offset += next == IPPROTO_FRAGMENT ? 8 : (header.length + 1) * 8;
		next = header.next;
	}
	return destination_port(ctx, offset, next);
}

static __always_inline int malformed(__u64 bytes)
{
	count(MALFORMED, bytes);
	return XDP_PASS;
}

static __always_inline int ipv4(struct xdp_md *ctx, const void *at, __u32 offset, __u64 bytes)
{
	const struct iphdr *header = at;
	__u16 port = 0;

	if ((const void *)(header + 1) > (const void *)(long)ctx->data_end || header->version != 4 || header->ihl < 5)
		return malformed(bytes);
	if (on(ENDPOINTS4) && !(header->frag_off & bpf_htons(0x1fff)))
		port = destination_port(ctx, offset + header->ihl * 4, header->protocol);
	return judge4(header->saddr, port, bytes);
}

static __always_inline int ipv6(struct xdp_md *ctx, const void *at, __u32 offset, __u64 bytes)
{
	const struct ipv6hdr *header = at;
	const __u32 *source;
	__u16 port = 0;

	if ((const void *)(header + 1) > (const void *)(long)ctx->data_end || header->version != 6)
		return malformed(bytes);
	source = header->saddr.in6_u.u6_addr32;
	if (on(ENDPOINTS6))
		port = ipv6_port(ctx, offset + sizeof(*header), header->nexthdr);
	return judge6(source[0] | (__u64)source[1] << 32, source[2] | (__u64)source[3] << 32, port, bytes);
}

SEC("xdp.frags")
int xdp_block(struct xdp_md *ctx)
{
	const void *at = (void *)(long)ctx->data;
	const void *end = (void *)(long)ctx->data_end;
	const struct ethhdr *ethernet = at;
	__u64 bytes = bpf_xdp_get_buff_len(ctx);
	__u32 offset = sizeof(*ethernet);
	__be16 protocol;

	if ((const void *)(ethernet + 1) > end)
		return malformed(bytes);
	protocol = ethernet->h_proto;
	at = ethernet + 1;
#pragma unroll
	for (int i = 0; i < VLAN_TAGS; i++) {
		const struct vlan *vlan = at;

		if (protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD))
			break;
		if ((const void *)(vlan + 1) > end)
			return malformed(bytes);
		protocol = vlan->protocol;
		at = vlan + 1;
		offset += sizeof(*vlan);
	}
	if (protocol == bpf_htons(ETH_P_IP))
		return ipv4(ctx, at, offset, bytes);
	if (protocol == bpf_htons(ETH_P_IPV6))
		return ipv6(ctx, at, offset, bytes);
	count(NOT_IP, bytes);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
