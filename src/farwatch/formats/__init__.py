"""Bytes -> Plots and Progress: no sockets, no clock. Bytes of any kind raise FormatError and nothing else."""
