"""One file per channel; each raises ChannelError and nothing else."""
