"""Executing an operation: graphql-core, with one generated function wherever every field is plain.

`plain` says which fields and types that is, `values` how their values are completed, `compiler` writes the
functions, `selections` keeps them, `executor` is graphql-core's own and uses them, `operation` brings all
together.
"""
