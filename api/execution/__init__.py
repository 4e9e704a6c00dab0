"""Executing an operation: graphql-core, with one generated function wherever every field is plain.

A field is plain when its value is an attribute of the object, or what a method returns that takes nothing and
does not wait: it has no arguments, no extension or permission, and no directives but `@skip` and `@include`.
Its type may be anything: a scalar, an enum, an object, an interface, a union, lists of them, null or not.
What is not plain is executed by graphql-core, and around it what is plain is still compiled.

`plain` decides that, `values` completes values, `compiler` writes the functions, `selections` keeps them,
`executor` is graphql-core's own and uses them, and `operation` is what a document is kept as.
"""
