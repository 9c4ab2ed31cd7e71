"""From a patch to a verdict: gates, findings, signatures, policy."""
