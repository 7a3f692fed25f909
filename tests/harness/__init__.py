"""Real servers, and clients that use them as a browser would: by forms, cookies and sockets."""
