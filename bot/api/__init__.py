"""The REST API: routes, authentication, errors, views."""
