"""The service as it is called from another machine: by its protocol alone, without a module of the server."""
