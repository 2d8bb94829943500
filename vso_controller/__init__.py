"""A Kubernetes operator that keeps Secrets in step with Vault and OpenBao."""
