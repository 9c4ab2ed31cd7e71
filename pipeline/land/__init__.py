"""From verdicts to the integration branch."""
