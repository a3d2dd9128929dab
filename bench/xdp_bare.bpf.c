/* What the benchmark compares with and drives: a program that only counts, and one that sends each frame out again. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 1);
} counted SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 1);
} interface SEC(".maps");

SEC("xdp")
int bare(struct xdp_md *ctx)
{
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&counted, &zero);

	if (count)
		*count += 1;
	return XDP_PASS;
}

SEC("xdp")
int forward(struct xdp_md *ctx)
{
	__u32 zero = 0;
	__u32 *index = bpf_map_lookup_elem(&interface, &zero);

	return index ? bpf_redirect(*index, 0) : XDP_ABORTED;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
