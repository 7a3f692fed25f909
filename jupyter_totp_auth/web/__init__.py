"""The rim towards Jupyter Server: identity, gate, sockets, pages and the JSON API."""
