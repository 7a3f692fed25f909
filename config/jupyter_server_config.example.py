# An example of jupyter_server_config.py for a server behind nginx on the same machine.
#
# Copy it to one of the directories that `jupyter --paths` lists under "config", for example
# ~/.jupyter/jupyter_server_config.py or /etc/jupyter/jupyter_server_config.py, and change the names.
# Without any configuration the login works as well: on http://localhost:8888, for you alone.
# All options: docs/reference/options.md

c = get_config()  # noqa: F821 - Jupyter brings it
# ruff: noqa: D100, ERA001, INP001 - an example to copy: its commented lines are the point

# -- never without the second factor -----------------------------------------------------------------

# Named, so that a package that cannot be imported stops the server, instead of leaving Jupyter's own login.
c.ServerApp.identity_provider_class = "jupyter_totp_auth.TotpIdentityProvider"

# And nothing else in its place, wherever it may be configured. (JUPYTER_TOTP_REQUIRED=1 does the same.)
c.TotpAuth.required = True

# -- where Jupyter listens ---------------------------------------------------------------------------

c.ServerApp.ip = "127.0.0.1"  # only this machine: the proxy
c.ServerApp.port = 8888
c.ServerApp.port_retries = 0  # another port would be one that the proxy does not know
c.ServerApp.open_browser = False

# Under a path, https://example.org/jupyterlab/: with a slash at both ends, and the same path in the proxy.
# c.ServerApp.base_url = "/jupyterlab/"

# -- how people reach it -----------------------------------------------------------------------------

# The proxy's address, as Jupyter sees it: only from there X-Forwarded-For and X-Forwarded-Proto count.
# For a proxy that connects by a Unix socket: ["unix"].
c.TotpAuth.trusted_proxies = ["127.0.0.1/32"]

# The names in the address bar. localhost is always allowed; anything else is answered with 403.
c.TotpAuth.allowed_hosts = ["jupyter.example.org"]

# The same as a whole address, for the links that `jupyter totp adduser` prints.
c.TotpAuth.public_url = "https://jupyter.example.org/"

# No proxy, but TLS in Jupyter itself: leave trusted_proxies out, and
# c.ServerApp.ip = "0.0.0.0"
# c.ServerApp.certfile = "/etc/ssl/certs/jupyter.example.org.pem"
# c.ServerApp.keyfile = "/etc/ssl/private/jupyter.example.org.key"

# -- what people see ---------------------------------------------------------------------------------

# Beside the code in their phones. Change it before the first one enrolls.
# c.TotpAuth.issuer = "Physics lab"

# On the login pages.
# c.TotpAuth.site_name = "Physics lab"
# c.TotpAuth.notice = "For members of the institute. Lost your phone? Ask in room 12."
# c.TotpAuth.logo_file = "/etc/jupyter/logo.svg"

# -- rules -------------------------------------------------------------------------------------------

# Seconds until both factors are asked again: here a working day.
# c.TotpAuth.login_lifetime = 10 * 60 * 60

# The shortest password, 8 to 64 characters.
# c.TotpAuth.password_min_length = 12

# Paths that need no login (regular expressions, behind base_url). Look: jupyter totp routes --public
# c.TotpAuth.public_routes = [r"metrics"]
# c.ServerApp.authenticate_prometheus = False  # /metrics asks for a login of its own, too

# Who ran what, in the audit log: "digest" or "full"; and terminals. Tell people.
# c.TotpAuth.audit_cells = "digest"
# c.TotpAuth.audit_terminals = True

# -- where things are --------------------------------------------------------------------------------

# Default: SQLite in totp/ and the keyring in totp-key/, both under `jupyter --data-dir`.
# Never in the notebook folder. Back both up, and keep the two backups apart.
# c.TotpAuth.database_url = "sqlite:////srv/jupyter/totp/totp.sqlite3"
# c.TotpAuth.database_url = "postgresql://jupyter_totp:…@db.example.org/jupyter_totp?sslmode=verify-full"
# c.TotpAuth.key_file = "/srv/jupyter/totp-key/keyring"
