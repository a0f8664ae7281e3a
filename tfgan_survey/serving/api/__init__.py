"""The interfaces of a server: REST, gRPC, the page, the metrics, and the ports they answer on."""
