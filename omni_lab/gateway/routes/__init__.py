"""The routes, by subject. Each module makes a router of the services that it asks."""
