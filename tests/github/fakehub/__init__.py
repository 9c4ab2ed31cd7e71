"""A GitHub that tests can push to and publish on: the contract of its API, and a stateful fake."""
