"""The other guides, each from top to bottom, as somebody has to who does what it says."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable

import pytest

from tests.guides.machine import Machine
from tests.guides.paper import follow
from tests.guides.person import Visitor, enrolled, link_in, signed_in, works
from tests.harness.client import is_closed

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300)]

NAME = "jupyter.example.org"


def as_a_service(machine: Machine) -> None:
    """What most of them begin with."""
    follow(machine, "how-to/as-a-service")


def insist_on_health(machine: Machine) -> None:
    """What a guide ends with: logins are served, and both of the doctor's looks find nothing red."""
    assert '{"status": "ok"}' in machine.said("api/totp/health")
    for look in ("jupyter-totp doctor", "totp doctor https://"):
        assert "red: 0" in machine.said(look)


def test_apache_at_a_host_name_of_its_own(a_machine: Callable[..., Machine]) -> None:
    machine = a_machine(NAME, needs=("apache", "a2enmod"))
    as_a_service(machine)
    ada = machine.said("jupyter-totp adduser")
    follow(machine, "how-to/apache")
    insist_on_health(machine)
    visitor, _ = enrolled(machine, ada, "ada")
    assert visitor.url == f"https://{NAME}/"
    works(visitor)


SITE_NGINX = """\
server { listen 80; server_name example.org; return 301 https://example.org$request_uri; }
server {
    listen 443 ssl;
    server_name example.org;
    ssl_certificate /etc/ssl/certs/example.org.pem;
    ssl_certificate_key /etc/ssl/private/example.org.key;
    add_header Strict-Transport-Security "max-age=31536000";
    location / { proxy_pass http://127.0.0.1:8000; proxy_set_header Host $host; }
}
"""
SITE_APACHE = """\
<VirtualHost *:80>
    ServerName example.org
    Redirect permanent / https://example.org/
</VirtualHost>
<VirtualHost *:443>
    ServerName example.org
    SSLEngine on
    SSLCertificateFile /etc/ssl/certs/example.org.pem
    SSLCertificateKeyFile /etc/ssl/private/example.org.key
    Header always set Strict-Transport-Security "max-age=31536000"
    ProxyPass / http://127.0.0.1:8000/
</VirtualHost>
"""
DJANGO = """\
[Service]
ExecStart=/usr/bin/python3 -m http.server --bind 127.0.0.1 --directory /srv/django 8000
"""


def a_django_site(machine: Machine) -> None:
    """As far as its proxy is concerned: something that answers on a port, with a certificate in front."""
    machine.write("/srv/django/index.html", "this is Django")
    machine.write("/etc/systemd/system/django.service", DJANGO)
    machine.run("systemctl start django")
    machine.run(
        "make-certificate example.org /etc/ssl/certs/example.org.pem /etc/ssl/private/example.org.key"
    )


def insist_on_both(machine: Machine) -> None:
    """Django at the root, Jupyter under its path, whole; and each keeps its own cookies."""
    follow(machine, "how-to/under-a-django-site", since="4.")
    insist_on_health(machine)
    visitor, _ = enrolled(machine, machine.said("jupyter-totp reset"), "ada")
    assert visitor.url == "https://example.org/jupyterlab/"
    works(visitor)
    assert visitor.cookie_name("-login-").startswith("__Secure-")
    assert {cookie.path for cookie in visitor.session.cookies} == {"/jupyterlab/"}
    assert visitor.get("/").text == "this is Django"
    assert visitor.get("/jupyterlab").headers["Location"].endswith("/jupyterlab/")


def test_under_a_path_of_a_django_site_with_nginx(a_machine: Callable[..., Machine]) -> None:
    machine = a_machine("example.org")
    a_django_site(machine)
    machine.write("/etc/nginx/sites-available/example.org", SITE_NGINX)
    machine.run("ln -s ../sites-available/example.org /etc/nginx/sites-enabled/; systemctl start nginx")
    as_a_service(machine)
    follow(machine, "how-to/under-a-django-site", until="3.")
    insist_on_both(machine)


def test_under_a_path_of_a_django_site_with_apache(a_machine: Callable[..., Machine]) -> None:
    machine = a_machine("example.org", needs=("apache", "a2enmod"))
    a_django_site(machine)
    machine.write("/etc/apache2/sites-available/example.org.conf", SITE_APACHE)
    machine.run("a2enmod headers ssl proxy proxy_http; a2ensite example.org; systemctl start apache2")
    as_a_service(machine)
    follow(machine, "how-to/under-a-django-site", until="2.")
    follow(machine, "how-to/under-a-django-site", since="3.", until="4.")
    insist_on_both(machine)


BASIC = """\
<VirtualHost *:443>
    ServerName jupyter.example.org
    SSLEngine on
    SSLCertificateFile /etc/ssl/certs/jupyter.example.org.pem
    SSLCertificateKeyFile /etc/ssl/private/jupyter.example.org.key
    <Location />
        AuthType Basic
        AuthName "Jupyter"
        AuthUserFile /etc/apache2/htpasswd
        Require valid-user
    </Location>
    ProxyPreserveHost On
    RequestHeader set X-Forwarded-Proto https
    RewriteEngine On
    RewriteCond %{HTTP:Upgrade} =websocket [NC]
    RewriteRule /(.*) ws://127.0.0.1:8888/$1 [P,L]
    ProxyPass / http://127.0.0.1:8888/
    ProxyPassReverse / http://127.0.0.1:8888/
</VirtualHost>
"""


def codes_in(table: str) -> dict[str, str]:
    """The enrollment codes of a list of people."""
    lines = [line for line in table.splitlines() if "enroll#" in line]
    return {line.split()[0]: link_in(line)[1] for line in lines}


def basic(text: str) -> str:
    """The header that a browser sends, once it was told."""
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_http_basic_is_replaced(a_machine: Callable[..., Machine]) -> None:
    machine = a_machine(NAME, needs=("apache", "a2enmod"))
    place = f"/etc/ssl/certs/{NAME}.pem /etc/ssl/private/{NAME}.key"
    machine.run(f"make-certificate {NAME} {place}")
    machine.write(f"/etc/apache2/sites-available/{NAME}.conf", BASIC)
    machine.run(
        "for name in Ada mary; do echo $name:$(openssl passwd -apr1 old-words); done >/etc/apache2/htpasswd"
    )
    machine.run(
        f"a2enmod ssl proxy_http proxy_wstunnel rewrite headers; a2ensite {NAME}; systemctl start apache2"
    )
    as_a_service(machine)
    first = machine.said("jupyter-totp adduser")
    url = f"https://{NAME}/"
    with_basic = {"Authorization": basic("Ada:old-words")}
    follow(machine, "how-to/replace-http-basic", until="2.")
    assert Visitor(url, machine).get("login").status_code == 401
    assert Visitor(url, machine, **with_basic).get("api/contents").status_code == 403
    follow(machine, "how-to/replace-http-basic", since="2.", until="3.")
    assert set(codes_in(machine.said("--csv"))) == {"mary"}
    visitor = Visitor(url, machine, **with_basic)
    person = visitor.enroll(link_in(first)[1], username="ada")
    works(visitor)
    follow(machine, "how-to/replace-http-basic", since="3.")
    insist_on_health(machine)
    # Nobody has to log in again; the header that a browser goes on sending neither disturbs nor opens.
    works(visitor)
    assert Visitor(url, machine, **with_basic).get("api/contents").status_code == 403
    wrong = Visitor(url, machine, Authorization=basic(f"ada:{person.password}"))
    assert wrong.get("api/contents").status_code == 403
    works(signed_in(machine, url, person, **with_basic))
    works(signed_in(machine, url, person))


OLD_HAPROXY = """\
global
    log /dev/log local0
defaults
    mode http
    timeout connect 5s
    timeout client 300s
    timeout server 300s
frontend https
    bind :443 ssl crt /etc/haproxy/certs/jupyter.example.org.pem
    option forwardfor
    http-request set-header X-Forwarded-Proto https
    default_backend oauth2
backend oauth2
    option httpchk GET /ping
    server oauth2 127.0.0.1:4180 check
"""
# As far as the way to it is concerned: it lets a cookie of its own through, and answers to /ping.
SIDECAR = """\
pid /run/oauth2-proxy.pid;
error_log stderr;
events { }
http {
    access_log off;
    map $http_upgrade $upgraded { default close; websocket upgrade; }
    server {
        listen 127.0.0.1:4180;
        location = /ping { return 200 OK; }
        location / {
            if ($cookie__oauth2_proxy != "ada") { return 302 https://casdoor.example.org/; }
            proxy_pass http://127.0.0.1:8888;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $upgraded;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-User ada;
        }
    }
}
"""
SIDECAR_UNIT = """\
[Service]
ExecStart=/usr/sbin/nginx -c /etc/oauth2-proxy.conf -g "daemon off;"
"""


def a_sidecar(machine: Machine) -> None:
    """HAProxy with OAuth2-Proxy behind it, and Jupyter on localhost."""
    bundle = f"/etc/haproxy/certs/{NAME}.pem"
    machine.run(
        f"mkdir /etc/haproxy/certs; make-certificate {NAME} {bundle} /root/key; cat /root/key >>{bundle}"
    )
    machine.write("/etc/haproxy/haproxy.cfg", OLD_HAPROXY)
    machine.write("/etc/oauth2-proxy.conf", SIDECAR)
    machine.write("/etc/systemd/system/oauth2-proxy.service", SIDECAR_UNIT)
    machine.run("systemctl enable --now oauth2-proxy haproxy")


def test_haproxy_in_the_place_of_oauth2_proxy(a_machine: Callable[..., Machine]) -> None:
    machine = a_machine(NAME, needs=("nginx", "haproxy"))
    a_sidecar(machine)
    as_a_service(machine)
    url, cookie = f"https://{NAME}/", {"Cookie": "_oauth2_proxy=ada"}
    follow(machine, "how-to/haproxy", until="2.")
    assert Visitor(url, machine).get("login").status_code == 302
    follow(machine, "how-to/haproxy", since="2.", until="3.")
    codes = codes_in(machine.said("--csv"))
    assert set(codes) == {"grace", "mary"}
    visitor = Visitor(url, machine)
    visitor.session.cookies.set("_oauth2_proxy", "ada")
    person = visitor.enroll(codes["grace"], username="grace")
    works(visitor)
    assert Visitor(url, machine, **cookie).get("api/contents").status_code == 403
    follow(machine, "how-to/haproxy", since="3.", until="4.")
    works(visitor)
    follow(machine, "how-to/haproxy", since="4.", until="Beside")
    insist_on_health(machine)
    said = machine.said("journalctl -t haproxy")
    assert "haproxy[" in said
    assert "/api/totp/health HTTP/2.0" in said
    assert '"account": "grace"' in said
    works(visitor)
    for stranger in (Visitor(url, machine), Visitor(url, machine, **{"X-Forwarded-User": "ada", **cookie})):
        assert stranger.get("api/contents").status_code == 403
    works(signed_in(machine, url, person))
    machine.run("systemctl stop jupyter; sleep 16")
    assert visitor.get("login").status_code == 503


TWO_SITES = """\
defaults
    mode http
    timeout connect 5s
    timeout client 300s
    timeout server 300s
frontend https
    bind :443 ssl crt /etc/haproxy/certs/
    default_backend other
backend other
    http-request return status 200 content-type text/plain string "the other site"
"""


def test_haproxy_beside_another_site(a_machine: Callable[..., Machine]) -> None:
    machine = a_machine(NAME, "example.org", needs=("haproxy",))
    machine.run("mkdir /etc/haproxy/certs")
    for name in machine.names:
        bundle = f"/etc/haproxy/certs/{name}.pem"
        machine.run(f"make-certificate {name} {bundle} /root/key; cat /root/key >>{bundle}")
    machine.write("/etc/haproxy/haproxy.cfg", TWO_SITES)
    machine.run("systemctl enable --now haproxy")
    as_a_service(machine)
    follow(machine, "how-to/haproxy", since="Beside")
    visitor, _ = enrolled(machine, machine.said("jupyter-totp adduser"), "ada")
    works(visitor)
    assert visitor.cookie_name("-login-").startswith("__Host-")
    assert Visitor("https://example.org/", machine).get("").text == "the other site"
    logins = machine.run("jupyter-totp logins ada").output
    assert "127.0.0.1" in logins


def test_two_servers_on_one_store(a_machine: Callable[..., Machine]) -> None:
    machine = a_machine("lab.example.org", "course.example.org", needs=("nginx", "postgresql"))
    for name in ("lab", "course"):
        files = f"/etc/ssl/certs/{name}.example.org.pem /etc/ssl/private/{name}.example.org.key"
        machine.run(f"make-certificate {name}.example.org {files}")
    follow(machine, "how-to/several-servers")
    insist_on_health(machine)
    said = machine.said("jupyter-totp adduser")
    assert said.count('{"status": "ok"}') == 2
    lab, ada = enrolled(machine, said, "ada")
    works(lab)
    course = signed_in(machine, "https://course.example.org/", ada)
    works(course)
    assert lab.cookie_name("-login-") != course.cookie_name("-login-")
    kernel = course.kernel_socket(course.start_kernel())
    machine.run("jupyter-totp logins ada --end-all")
    assert is_closed(kernel, 5) == 1001
    time.sleep(3)  # the others hear of it within two seconds
    assert not lab.is_signed_in()
    assert not course.is_signed_in()
    for name, other in (("lab", "course"), ("course", "lab")):
        machine.run(f"sudo -u {name} ls /srv/{other}", fails=True)
