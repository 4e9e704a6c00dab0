"""What is stored and how it changes: SQL, no GraphQL, no HTTP."""
