#ifndef XDP_BLOCK_H
#define XDP_BLOCK_H

/* Shared by the kernel program and by bpf/schema.py. A change of a layout or of a map's type is a new schema: raise
 * SCHEMA in bpf/schema.py with it, because pinned maps outlive the program that made them. */

#include <linux/types.h>

/* One blocked address, endpoint or network. The program alone writes the counters. */
struct entry {
	__u64 expires; /* CLOCK_BOOTTIME, nanoseconds; 0 = never */
	__u64 packets;
	__u64 bytes;
};

/* Addresses and ports are in network order, as they stand in the packet. */
struct address6 {
	__u64 high;
	__u64 low;
};

struct endpoint4 {
	__u32 address;
	__u16 port;
	__u16 zero;
};

struct endpoint6 {
	struct address6 address;
	__u16 port;
	__u16 zero[3];
};

/* The kernel's LPM trie wants the prefix length in host order and then the address. */
struct network4 {
	__u32 length;
	__u32 address;
};

struct network6 {
	__u32 length;
	__u32 address[4];
};

struct total {
	__u64 packets;
	__u64 bytes;
};

/* Why a packet passed or was dropped: the index into `totals`. */
enum reason {
	PASSED,
	NOT_IP,
	MALFORMED,
	EXPIRED,
	ALLOWED,
	DROPPED_ADDRESS,
	DROPPED_ENDPOINT,
	DROPPED_NETWORK,
	REASONS,
};

/* Index into `switches`: 1 says that the map of endpoints may hold an entry. */
enum {
	ENDPOINTS4,
	ENDPOINTS6,
	SWITCHES,
};

#endif
