"""Errors in production become regression tests: from a Sentry event and the source of its release to a pytest that fails as it did."""
