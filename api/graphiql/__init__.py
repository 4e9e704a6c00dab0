"""GraphiQL: the page that browsers are shown at `/graphql`."""
