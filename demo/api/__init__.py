"""The HTTP interfaces of the app: routes, limits, schemas, MCP."""
