"""The guides of docs/, followed from top to bottom on a throw-away machine.

The machine is this one's file tree in namespaces of its own: real paths and accounts, ports 80 and 443, and
Debian's packages of nginx, Apache, HAProxy and PostgreSQL, with their own units and files. What is changed
there is in memory, its network is its loopback, and all of it ends with its first process. What stands in for
something else:

| in the guide    | on the machine                                                                     |
|-----------------|------------------------------------------------------------------------------------|
| apt install     | Nothing is fetched: the package has to be installed here, or its command to be in  |
|                 | this table. What its set-up starts is started.                                     |
| python3 -m venv | The tests' own Python; the new environment finds the packages and scripts of the   |
|                 | tests' environment.                                                                |
| pip install     | The real one, without an index: all it is asked for has to be there already.       |
| systemctl       | Starts, stops and reloads by the unit's own lines: Type, ExecStartPre, ExecStart,  |
|                 | ExecStartPost, ExecReload, ExecStop, User, WorkingDirectory, Environment,          |
|                 | EnvironmentFile, LoadCredential, RuntimeDirectory, BindReadOnlyPaths, UMask, the   |
|                 | socket of sd_notify. No sandbox, no watchdog, no restart after a failure.          |
| systemd-run     | One command with User, WorkingDirectory and LoadCredential.                        |
| journalctl      | What a unit has printed, or what came by /dev/log.                                 |
| certbot         | Asks for the challenge by http as Let's Encrypt does; the certificate is           |
|                 | self-signed, and the machine trusts it.                                            |
| the DNS         | /etc/hosts, and the same names for whoever visits.                                 |

In a guide, each block marked `sh` is run, as root's shell would. A comment before a block says what
else becomes of it:

| <!-- file: PATH -->             | The block is the file, which a person makes with an editor.          |
| <!-- into: PATH after: TEXT --> | A person puts it into that file, behind the first line with TEXT.    |
| <!-- or -->                     | Another way: looked at, not followed.                                |
"""
