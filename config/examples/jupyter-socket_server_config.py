# https://jupyter.example.org/: Jupyter's side. Made by `jupyter totp config jupyter`.
# It belongs into /etc/jupyter/ or another directory that `jupyter --paths` lists under "config".
# More options: docs/reference/options.md

c = get_config()  # noqa: F821 - Jupyter brings it

# -- never without the second factor -----------------------------------------------------------------

# Named, so that a package that cannot be imported stops the server, instead of leaving Jupyter's own login.
c.ServerApp.identity_provider_class = "jupyter_totp_auth.TotpIdentityProvider"
# And nothing else in its place, wherever it may be configured.
c.TotpAuth.required = True

# -- where Jupyter listens: where the proxy connects to ----------------------------------------------

c.ServerApp.sock = "/run/jupyter/jupyter.sock"
# For this user and its group, which the proxy's user has to be in.
c.ServerApp.sock_mode = "0660"
# The path in the address bar, the same as in the proxy's file.
c.ServerApp.base_url = "/"
c.ServerApp.open_browser = False

# -- how people reach it -----------------------------------------------------------------------------

# From where proxies connect: only there X-Forwarded-For and X-Forwarded-Proto count.
c.TotpAuth.trusted_proxies = ["unix"]
# The name in the address bar. localhost is always allowed; anything else is answered with 403.
c.TotpAuth.allowed_hosts = ["jupyter.example.org"]
# For the links that `jupyter totp adduser` prints.
c.TotpAuth.public_url = "https://jupyter.example.org/"
