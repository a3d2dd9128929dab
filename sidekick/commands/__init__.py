"""The subcommands of `sidekick`, one module each; every module exposes `command`."""
