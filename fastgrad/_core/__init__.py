"""The graph and the walks of it, compiled. The order of explanation is in docs/architecture.md."""
