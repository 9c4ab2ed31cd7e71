"""What is kept: paths and ref names, the database, the ledger, the verdicts."""
