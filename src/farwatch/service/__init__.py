"""The live service: sources, tracker and sinks in one process, with what it takes to leave it running."""
