"""``jupyter totp doctor https://…``: the way that a browser takes, from outside through the proxy.

Each check looks at one step of it. What is wrong is named with the line to write, in the language of the
proxy that answered. What the server saw of a request it tells to a one-time probe (decision 0016).
"""
