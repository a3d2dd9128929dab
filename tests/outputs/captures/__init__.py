"""falcosidekick's recorded requests, and whether an output of ours sends the same."""
