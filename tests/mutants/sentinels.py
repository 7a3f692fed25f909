"""The smallest changes that would open a door, and the tests against a real server that must notice each (Q04).

One edit each, but where two layers hold the same promise: then both are taken away, since one alone changes
nothing that anybody could see, which is the point of the second.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """One replacement. ``old`` stands exactly once in ``file`` (below the package)."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Sentinel:
    """A broken product, and who has to find out: pytest's ids, without parameters."""

    name: str
    edits: tuple[Edit, ...]
    killers: tuple[str, ...]


def _one(name: str, file: str, old: str, new: str, *killers: str) -> Sentinel:
    return Sentinel(name, (Edit(file, old, new),), killers)


_DOORS = "tests/attacks/test_a_doors.py::test_"
_FLOW = "tests/attacks/test_b_flow.py::test_"
_VERDICT = "tests/attacks/test_b_verdict.py::test_"
_TOTP = "tests/attacks/test_c_totp.py::test_"
_GUESSING = "tests/attacks/test_d_simple.py::test_"
_FLOODS = "tests/attacks/test_d_floods.py::test_"
_NAMES = "tests/attacks/test_f_names.py::test_"
_LOCKS = "tests/attacks/test_h_locks.py::test_"
_REQUESTS = "tests/attacks/test_h_requests.py::test_"
_SESSIONS = "tests/attacks/test_h_sessions.py::test_"
_FACTORS = "tests/attacks/test_k_factors.py::test_"
_TOKENS = "tests/attacks/test_l_tokens.py::test_"
_SECRETS = "tests/attacks/test_m_secrets.py::test_"
_ARRIVAL = "tests/hosting/test_arrival.py::test_"
_HOPS = "tests/hosting/test_hops.py::test_"
_DEPLOYMENT = "tests/hosting/test_model.py::test_"
_START = "tests/host/test_start.py::test_"
_SENTINELS = "tests/attacks/test_q_sentinels.py::test_"
_MANAGER = "tests/host/test_service_manager.py::test_"
_RELOAD = "tests/host/test_reload.py::test_"
_DRAIN = "tests/host/test_drain.py::test_"
_ACCESS_LOG = "tests/host/test_access_log.py::test_"
_BANS = "tests/attacks/test_fail2ban.py::test_"
_JSON = "tests/web/test_json_log.py::test_"
_STORE_LOST = "tests/attacks/test_n_store.py::test_"
_RESTORE = "tests/cli/test_restore.py::test_"
_PROBE = "tests/web/test_probe.py::test_"
_TOGETHER = "tests/together/test_documents.py::test_"
_EXPORTS = "tests/rights/test_exports.py::test_"
_EXTENSIONS = "tests/rights/test_extensions.py::test_"
_TRUST = "tests/rights/test_trust.py::test_"
_URLS = "tests/rights/test_urls.py::test_"
_MATRIX = "tests/rights/test_matrix.py::test_"
_NOTICES = "tests/web/test_notices.py::test_"
_PERSONAL = "tests/host/test_personal.py::test_"
_ALONG = "tests/rights/test_sockets.py::test_"
_KERNELS = "tests/rights/test_kernels.py::test_"
_FOLDERS = "tests/rights/test_folders.py::test_"

SENTINELS = (
    # -- codes ----------------------------------------------------------------------------------------
    _one(
        "a step opens twice",
        "store/login_statements.py",
        "totp_authenticator.c.last_step < claim.step,",
        "totp_authenticator.c.last_step <= claim.step,",
        f"{_TOTP}C04_a_hundred_pending_logins_and_one_code_open_one_login",
    ),
    _one(
        "the window is two steps wide",
        "core/policy.py",
        "totp_window: int = 1",
        "totp_window: int = 2",
        f"{_TOTP}C02_the_code_of_now_and_its_neighbours_are_accepted",
    ),
    _one(
        "the code that confirmed the phone is not used up",
        "core/binding.py",
        "last_step=proof.step,",
        "last_step=-1,",
        f"{_TOTP}C08_the_code_that_confirmed_the_enrollment_opens_no_login",
    ),
    _one(
        "digits of any script are a code",
        "core/totp.py",
        '_CODE = re.compile(r"[0-9]{6}", re.ASCII)',
        '_CODE = re.compile(r"[0-9]{6}|\\d{6}")',
        f"{_TOTP}C11_digits_of_other_scripts_are_no_code",
    ),
    _one(
        "codes are taken by a clock that was set back",
        "core/login.py",
        "recovery.read(typed_code) is None and self._clock_is_off(at)",
        "recovery.read(typed_code) is None and False",
        f"{_SENTINELS}C17_a_clock_behind_the_newest_login_takes_nobodys_codes",
    ),
    _one(
        "a recovery code is not used up",
        "store/login_statements.py",
        ".values(used_at=at)",
        ".values(used_at=None)",
        f"{_FACTORS}k13_a_recovery_code_opens_one_login",
    ),
    Sentinel(
        "a recovery code is anybody's",
        (
            Edit(
                "store/login_statements.py",
                "recovery_code.c.account_id == account_id,",
                "recovery_code.c.account_id != '',",
            ),
            Edit(
                "core/codes.py",
                'self._sealer.mac(Purpose.RECOVERY_CODE, account.id if account else "", code)',
                'self._sealer.mac(Purpose.RECOVERY_CODE, "", code)',
            ),
            Edit(
                "core/codes.py",
                'sealer.mac(Purpose.RECOVERY_CODE, account_id, recovery.read(shown) or "")',
                'sealer.mac(Purpose.RECOVERY_CODE, "", recovery.read(shown) or "")',
            ),
        ),
        (f"{_FACTORS}k14_somebody_elses_recovery_code_opens_nothing",),
    ),
    # -- between the factors --------------------------------------------------------------------------
    _one(
        "a wrong password passes",
        "core/login.py",
        "password_ok=password_ok,",
        "password_ok=True,",
        f"{_VERDICT}B17_the_verdict_after_the_code_is_the_same_whichever_factor_was_wrong",
    ),
    _one(
        "nothing is hashed for a name that nobody has",
        "core/local_passwords.py",
        'right = self._hasher.verify(phc, password or "")',
        'right = phc is not None and self._hasher.verify(phc, password or "")',
        f"{_VERDICT}B17_the_password_takes_the_same_time_whatever_it_was",
    ),
    _one(
        "the verdict on the password is given at once",
        "core/login.py",
        "if known and not password_ok:",
        "if not password_ok:",
        f"{_VERDICT}B17_the_answer_to_the_password_is_the_same_whatever_it_was",
    ),
    _one(
        "a pending login has tries without end",
        "store/logins.py",
        "                    pending_login.c.tries_left > 0,",
        "                    pending_login.c.tries_left > -100,",
        f"{_FLOW}B10_after_five_wrong_codes_the_pending_login_is_gone",
    ),
    _one(
        "a pending login lives for an hour",
        "core/policy.py",
        "pending_lifetime: int = 5 * MINUTE",
        "pending_lifetime: int = 60 * MINUTE",
        f"{_FLOW}B08_a_pending_login_is_gone_after_five_minutes",
    ),
    # -- guessing -------------------------------------------------------------------------------------
    _one(
        "a right password is looked at during the wait",
        "core/login.py",
        "        if wait is not None:\n            return Denied(Refusal.THROTTLED, retry_after=wait)\n"
        "        password_ok =",
        "        if wait is not None and not self._password_is_right(account, typed_password, at):\n"
        "            return Denied(Refusal.THROTTLED, retry_after=wait)\n"
        "        password_ok =",
        f"{_GUESSING}D01_after_five_failures_each_further_one_doubles_the_wait",
    ),
    _one(
        "a right code is looked at when the second factor is closed",
        "core/login.py",
        "allowed = pending.password_ok and account is not None and wait is None",
        "allowed = pending.password_ok and account is not None",
        f"{_GUESSING}D02_over_many_pending_logins_ten_are_looked_at",
    ),
    _one(
        "a wrong code is given back",
        "core/login.py",
        "if match.replayed and wait is None:",
        "if wait is None:",
        f"{_GUESSING}D02_over_many_pending_logins_ten_are_looked_at",
    ),
    _one(
        "a name is counted as it was typed",
        "core/login.py",
        "key, wait = self._charges.password(name, account, known, at=at)",
        "key, wait = self._charges.password(typed_name, account, known, at=at)",
        f"{_FLOODS}D14_every_spelling_that_folds_to_a_name_shares_its_counter",
    ),
    _one(
        "a name that nobody has never waits",
        "core/login.py",
        "        if wait is not None:\n            return Denied(Refusal.THROTTLED, retry_after=wait)\n"
        "        password_ok =",
        "        if wait is not None and account is not None:\n"
        "            return Denied(Refusal.THROTTLED, retry_after=wait)\n"
        "        password_ok =",
        f"{_GUESSING}D16_an_unknown_name_waits_as_a_known_one_does",
    ),
    _one(
        "the known-browser cookie of anybody counts",
        "core/login.py",
        "return row if (row.account_id, row.epoch) == (account.id, account.epoch) else None",
        "return row",
        f"{_GUESSING}D08_only_the_genuine_cookie_of_this_account_counts",
    ),
    Sentinel(
        "a known browser outlives the password it was known by",
        (
            Edit(
                "core/login.py",
                "return row if (row.account_id, row.epoch) == (account.id, account.epoch) else None",
                "return row if row.account_id == account.id else None",
            ),
            Edit("store/accounts.py", "forget=True,", "forget=False,"),
        ),
        (f"{_GUESSING}D08_it_ends_with_what_it_was_bound_to",),
    ),
    _one(
        "a stranger's X-Forwarded-For is believed",
        "web/client_address.py",
        "if not self._is_trusted(peer):",
        'if not self._is_trusted(peer) and "X-Forwarded-For" not in request.headers:',
        f"{_FLOODS}D11_two_hundred_forged_addresses_are_one_bucket_and_one_client_in_the_log",
    ),
    # -- doors ----------------------------------------------------------------------------------------
    _one(
        "a public path is public by its beginning",
        "web/gate.py",
        "if pattern.fullmatch(relative):",
        "if pattern.match(relative):",
        f"{_DOORS}a20_metrics_open_to_a_scraper_only_where_the_route_is_named",
    ),
    _one(
        "a public path is public with anybody's handler",
        "web/gate.py",
        "if owner is None or handler_class is owner:",
        "if owner is None or handler_class is not None:",
        f"{_DOORS}a01_a_public_path_is_not_public_with_another_extensions_handler",
    ),
    _one(
        "the server answers under every name",
        "web/gate.py",
        "if not self._hosts.allows(request.host):",
        "if not self._hosts.allows(request.host) and False:",
        f"{_START}the_server_answers_under_its_own_names_only",
    ),
    _one(
        "a stranger's body may have 16 MiB",
        "web/gate.py",
        "ANONYMOUS_BODY = 16 * 1024",
        "ANONYMOUS_BODY = 16 * 1024 * 1024",
        f"{_DOORS}a_body_of_16_kib_is_taken_and_one_byte_more_is_not",
    ),
    _one(
        "a token may stand in every URL",
        "web/tokens.py",
        'return wants_websocket(request) or (self._in_url == "api" and',
        'return True or (self._in_url == "api" and',
        f"{_TOKENS}l02_a_token_in_the_wrong_place_is_refused_and_in_no_log",
    ),
    _one(
        "a token may manage security",
        "web/pages.py",
        "totp_refuses_tokens = True",
        "totp_refuses_tokens = False",
        f"{_TOKENS}l04_tokens_cannot_manage_security",
    ),
    _one(
        "anybody may manage people",
        "web/asking.py",
        "if self.login.account.role is not Role.ADMIN:",
        "if self.login.account.role not in Role:",
        f"{_SENTINELS}H16_a_member_manages_nobody",
    ),
    _one(
        "an enrollment code enrolls again",
        "store/enrollments.py",
        "    connection.execute(delete(enrollment_code).where("
        "enrollment_code.c.digest == value.code_digest))\n    return True",
        "    return True",
        f"{_SENTINELS}K01_an_enrollment_code_enrolls_one_person_once",
    ),
    # -- logins and sockets ---------------------------------------------------------------------------
    _one(
        "sockets outlive their login",
        "web/sockets.py",
        "                handler.close(CLOSE_CODE, _REASON)",
        "                handler.request",
        f"{_SESSIONS}h08_every_socket_of_a_login_closes_with_1001_when_it_ends",
    ),
    _one(
        "a message is heard after the end",
        "web/sockets.py",
        "    def on_message(self: Any, message: Any) -> Any:\n        if not sockets.may_go_on(self):",
        "    def on_message(self: Any, message: Any) -> Any:\n        if False:",
        f"{_SENTINELS}H23_no_message_is_heard_between_the_end_and_the_next_look_at_the_sockets",
    ),
    _one(
        "a socket is not asked again at its opening",
        "web/sockets.py",
        "        if not sockets.may_go_on(self):\n            self._totp_refused = True",
        "        if False:\n            self._totp_refused = True",
        f"{_SESSIONS}h08_a_socket_in_its_handshake_never_opens_when_its_login_ends_meanwhile",
    ),
    _one(
        "a cookie opens a socket from any origin",
        "web/gate.py",
        "if to_socket and not self._is_own(request, or_none=visitor.token is not None):",
        "if False:",
        f"{_SESSIONS}h20_h22_a_cookie_opens_no_socket_without_our_own_origin",
    ),
    _one(
        "logging out only takes the cookie away",
        "web/login_pages.py",
        "        await end_login(self, self.visitor)\n        self.rim.cookies.clear(self, Cookie.LOGIN)",
        "        self.rim.cookies.clear(self, Cookie.LOGIN)",
        f"{_SESSIONS}h05_a_copied_cookie_is_dead_after_the_log_out",
    ),
    _one(
        "what ended elsewhere is not heard of",
        "core/logins.py",
        "if revision == self._synced:",
        "if self._synced >= 0:",
        f"{_DOORS}a23_a_disabled_account_is_out_at_once",
    ),
    _one(
        "a new password ends no login",
        "store/accounts.py",
        "            end=reason,\n",
        "            end=None,\n",
        f"{_FACTORS}k22_an_operators_new_password_leaves_the_second_factor_on",
    ),
    _one(
        "memory forgets the absolute end",
        "core/logins.py",
        "if login is None or login.session.expires_at <= self._clock():",
        "if login is None:",
        f"{_SESSIONS}h23_sockets_close_at_the_absolute_end",
    ),
    _one(
        "a locked login is served",
        "web/gate.py",
        "        if visitor.locked:\n            return self._for_locked(request)",
        "        if visitor.locked and request.method == 'TRACE':\n            return self._for_locked(request)",
        f"{_LOCKS}H10_polls_are_no_activity_the_login_is_locked_and_its_sockets_are_closed",
    ),
    _one(
        "a poll is an activity",
        "web/gate.py",
        "self._logins.seen(visitor.login.session.digest)",
        "self._logins.active(visitor.login)",
        f"{_LOCKS}H10_polls_are_no_activity_the_login_is_locked_and_its_sockets_are_closed",
    ),
    _one(
        "the bearer stays at a step-up",
        "store/login_locks.py",
        "unchanged.values(digest=digest, fresh_at=at, active_at=at)",
        "unchanged.values(fresh_at=at, active_at=at)",
        f"{_LOCKS}H04_a_step_up_rotates_the_bearer_and_the_old_one_is_dead",
    ),
    _one(
        "no step-up is asked for",
        "core/model.py",
        "at - self.fresh_at <= within",
        "at - self.fresh_at <= 1000 * within",
        f"{_FACTORS}i13_a_notebooks_script_adds_and_changes_nothing",
    ),
    # -- browsers -------------------------------------------------------------------------------------
    _one(
        "a made-up CSRF pair is a pair",
        "web/xsrf.py",
        "return self._is_genuine(given, login_id)",
        "return True",
        f"{_REQUESTS}i02_only_the_pair_of_this_very_login_changes_anything",
    ),
    _one(
        "next is not looked at",
        "web/next_url.py",
        "    if not value or len(value) > _LONGEST or not _SAFE.fullmatch(value):\n        return base_url",
        "    return value or base_url",
        f"{_REQUESTS}i07_next_never_leaves_the_server",
    ),
    _one(
        "pages may be kept",
        "web/pages.py",
        '"Cache-Control": "no-store",',
        '"Cache-Control": "private",',
        f"{_REQUESTS}i10_every_page_has_strict_headers_and_a_nonce_of_its_own",
    ),
    _one(
        "pages may load anything",
        "web/pages.py",
        "f\"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; \"",
        "f\"default-src *; style-src 'nonce-{nonce}'; \"",
        f"{_REQUESTS}i10_every_page_has_strict_headers_and_a_nonce_of_its_own",
    ),
    _one(
        "scripts can read the cookies",
        "web/cookies.py",
        "            value,\n            path=self._base_url,\n            httponly=True,",
        "            value,\n            path=self._base_url,\n            httponly=False,",
        f"{_SESSIONS}h01_on_plain_http_the_cookies_claim_nothing",
    ),
    _one(
        "the cookies' names claim nothing over https",
        "web/cookies.py",
        'return f"__Host-{bare}" if self._base_url == "/" else f"__Secure-{bare}"',
        "return bare",
        f"{_SESSIONS}h01_over_https_the_cookies_are_bound_to_host_and_tls",
    ),
    # -- at rest --------------------------------------------------------------------------------------
    _one(
        "what is sealed is not bound to its place",
        "core/sealing.py",
        "return _framed(str(_VERSION), self._instance, account, purpose.value, item)",
        "return _framed(str(_VERSION))",
        f"{_SECRETS}M04_secrets_swapped_between_two_people_let_neither_in",
    ),
    _one(
        "a keyring that others can read is taken",
        "store/keyring_file.py",
        '    insist_on_privacy("keyring", path, status)',
        "    del path",
        f"{_SECRETS}M02_an_unsafe_keyring_refuses_with_the_reason",
    ),
    _one(
        "a lost keyring is made anew",
        "store/opening.py",
        "if keyring is None and sealed_check is not None:",
        "if False:",
        f"{_SECRETS}M07_a_lost_keyring_refuses_and_none_is_made",
    ),
    _one(
        "after a restore the codes of yesterday open",
        "store/voiding.py",
        "    _raise_steps(connection, dict.fromkeys(_authenticator_ids(connection), now))",
        "    del now",
        f"{_RESTORE}where_the_store_is_lost_no_code_up_to_now_opens_anything_either",
    ),
    _one(
        "the log holds what was typed",
        "core/login.py",
        "event = self._first_factor_event(account, origin, at, passed=password_ok)",
        "event = replace("
        "self._first_factor_event(account, origin, at, passed=password_ok), detail=typed_name)",
        f"{_NAMES}F05_what_cannot_be_printed_is_refused_and_never_reaches_the_log",
    ),
    _one(
        "memory is served however long the store is silent",
        "web/gate.py",
        "        if self._is_stale():\n",
        "        if self._is_stale() and request.method == 'TRACE':\n",
        f"{_STORE_LOST}N02_without_its_store_memory_serves_fifteen_seconds_and_not_more",
    ),
    # -- as a service -----------------------------------------------------------------------------------
    _one(
        "kernels of a service can speak for it to systemd",
        "web/notify.py",
        'address = environment.pop(_SOCKET, "")',
        'address = environment.get(_SOCKET, "")',
        f"{_MANAGER}ready_comes_once_logins_are_served_and_stopping_at_the_end",
    ),
    _one(
        "the service is well where its event loop stands still",
        "web/service.py",
        "            self._beat(self._notifier.alive, self._notifier.watchdog / 2)",
        "            beats = iter(lambda: self._notifier.alive() or __import__('time').sleep(0.3), 0)\n"
        "            threading.Thread(target=list, args=(beats,), daemon=True).start()",
        f"{_MANAGER}a_loop_that_hangs_is_not_fed_and_one_that_turns_is",
    ),
    _one(
        "a reload leaves the proxies and hosts of before",
        "web/reload.py",
        "    door.put(gate)\n",
        "    del gate\n",
        f"{_RELOAD}what_can_change_changes_under_whoever_is_signed_in",
    ),
    _one(
        "a reload takes a file that is gone for the defaults",
        "web/reload.py",
        "    if gone:",
        "    if False:",
        f"{_RELOAD}a_file_that_is_gone_does_not_mean_the_defaults",
    ),
    _one(
        "a request sees the old set and the new",
        "web/pages.py",
        "        self.rim, self.now, self.log = rim, rim.now, rim.log",
        "        self.rim, self.log = rim, rim.log\n"
        "        type(self).now = property(lambda self: self.rim.now)",
        "tests/web/test_reload.py::test_what_a_request_has_begun_with_it_keeps_to_its_end",
    ),
    _one(
        "a certificate that cannot be used shuts everybody out",
        "web/certificates.py",
        "        server.ssl_options = self.context",
        "        server.ssl_options = self._options",
        f"{_RELOAD}a_certificate_that_cannot_be_used_leaves_the_one_before",
    ),
    _one(
        "a server that stops lets strangers in",
        "web/pages.py",
        "        if self.totp_signs_in and left is not None and self.visitor.login is None:",
        "        if self.totp_signs_in and left is None and self.visitor.login is self:",
        f"{_DRAIN}nobody_new_gets_in_and_whoever_is_in_goes_on_until_they_leave",
    ),
    _one(
        "a log in JSON has other letters than ASCII",
        "web/json_log.py",
        "blanked(json.dumps(line, ensure_ascii=True))",
        "blanked(json.dumps(line, ensure_ascii=False))",
        f"{_BANS}M11_G20_a_log_in_json_has_the_same_lines_and_no_others",
    ),
    _one(
        "an access token stands in a trace",
        "web/json_log.py",
        "blanked(json.dumps(line, ensure_ascii=True))",
        "json.dumps(line, ensure_ascii=True) or blanked('')",
        f"{_JSON}an_access_token_is_taken_out_of_a_trace_as_well",
    ),
    # -- graces, notices, settings of one's own ---------------------------------------------------------
    _one(
        "a grace puts an end off",
        "store/login_locks.py",
        "mine.where(login.c.expires_at > ends_at).values(expires_at=ends_at)",
        "mine.values(expires_at=ends_at)",
        f"{_NOTICES}neither_input_nor_unlocking_nor_another_grace_puts_the_end_off",
    ),
    _one(
        "in its grace a login adds what it likes",
        "web/asking.py",
        "        if live.session.ending is not None:",
        "        if False:",
        f"{_NOTICES}in_its_grace_a_login_changes_nothing",
    ),
    _one(
        "a stolen login tells everybody something",
        "web/notice_acts.py",
        "    by = fresh_admin(asking).account",
        "    asking.insist_on_admin()\n    by = asking.login.account",
        f"{_NOTICES}to_tell_everybody_both_factors_are_given_once_more",
    ),
    _one(
        "everybody's own settings are one's own",
        "web/personal.py",
        "    own = shared / FOLDER / account_id\n",
        "    own = shared / FOLDER / account_id[:0].zfill(32)\n",
        f"{_PERSONAL}each_begins_with_what_all_have_shared_and_goes_on_alone",
    ),
    # -- rights ---------------------------------------------------------------------------------------
    _one(
        "what is not known is for readers as well",
        "core/rights.py",
        "    UNKNOWN: (_M, _M, _M),",
        "    UNKNOWN: (_R, _R, _R),",
        f"{_MATRIX}every_route_that_this_server_has_is_nothing_to_change_for_readers",
    ),
    _one(
        "the gate lets everybody with a login do everything",
        "web/gate.py",
        "        if refused is None:\n",
        "        if True:\n",
        f"{_MATRIX}http",
        f"{_MATRIX}every_route_that_this_server_has_is_nothing_to_change_for_readers",
    ),
    _one(
        "who may only follow a kernel runs code in it",
        "web/reading_along.py",
        "        return False\n\n\ndef _answers",
        "        return True\n\n\ndef _answers",
        f"{_ALONG}nothing_that_a_kernel_acts_on_passes",
    ),
    _one(
        "who may only follow a shared document changes it",
        "web/reading_along.py",
        "        if may_change or only_asks(message):",
        "        if True:",
        f"{_TOGETHER}no_form_of_a_change_passes_for_a_reader_and_nothing_is_saved",
        f"{_TOGETHER}a_member_who_becomes_a_reader_changes_nothing_from_then_on_and_still_sees",
    ),
    _one(
        "behind a question for a shared document a change passes",
        "web/shared_documents.py",
        "        if self.rest:",
        "        if False:",
        "tests/web/test_shared_documents.py::test_nothing_else_is_taken_for_one",
    ),
    _one(
        "a shared document shows people as their pages say",
        "web/awareness.py",
        '        held["user"] = shown',
        "        pass",
        f"{_TOGETHER}nobody_is_there_under_another_name",
    ),
    _one(
        "a reader's page keeps a shared document saved",
        "web/awareness.py",
        '        held["autosave"] = False',
        "        pass",
        f"{_TOGETHER}nobody_is_there_under_another_name",
    ),
    _one(
        "readers make rooms for shared documents",
        "web/resources.py",
        "        return _FOLLOWED.search(request.path) is not None",
        "        return True",
        f"{_TOGETHER}a_reader_opens_documents_and_no_room_of_another_kind",
    ),
    _one(
        "readers ask for files outside the notebook folder",
        "web/resources.py",
        " and not climbs(request.path):",
        ":",
        f"{_TOGETHER}what_makes_or_changes_something_is_not_for_readers",
    ),
    _one(
        "a socket stays open when its right is gone",
        "web/sockets.py",
        "                if not (lives and self._judge.may_stay(handler)):",
        "                if not lives:",
        f"{_ALONG}a_member_who_becomes_a_reader_stops_at_once",
    ),
    _one(
        "a token for a folder reads all of them",
        "web/authorizer.py",
        "        if prefix and not all(_is_below(path, prefix) for path in paths_of(handler)):",
        "        if False:",
        f"{_FOLDERS}outside_it_does_nothing",
    ),
    _one(
        "a token for a folder copies from elsewhere",
        "web/authorizer.py",
        '_BODY_PATHS = ("path", "copy_from")',
        '_BODY_PATHS = ("path",)',
        f"{_FOLDERS}outside_it_does_nothing",
    ),
    _one(
        "a token for a folder is good where nobody holds it to that",
        "web/rights.py",
        "if is_for_folder and not (self.holds_folders and is_foldered(handler_class)):",
        "if is_for_folder and not is_foldered(handler_class):",
        f"{_FOLDERS}where_another_authorizer_is_asked_it_is_good_for_nothing",
    ),
    _one(
        "another's kernel is used like one's own",
        "core/rights.py",
        "    if owner_id is None or owner_id == asker_id:",
        "    if True or owner_id == asker_id:",
        f"{_KERNELS}what_each_may_do_with_a_kernel_and_a_terminal_of_ada",
        f"{_KERNELS}who_may_run_in_a_kernel_of_ada_and_who_only_hears_it",
    ),
    _one(
        "administrators work in other people's kernels",
        "core/rights.py",
        "    if touch is Touch.STOP and role is Role.ADMIN:",
        "    if role is Role.ADMIN:",
        f"{_KERNELS}what_each_may_do_with_a_kernel_and_a_terminal_of_ada",
    ),
    _one(
        "another's kernel is reached by what stands in a body",
        "web/holding.py",
        "        named += _strings(handler.request.body)",
        "        named += []",
        f"{_KERNELS}a_session_of_ones_own_cannot_be_moved_onto_anothers_kernel_and_then_stopped",
    ),
    _one(
        "another's connection is taken over by its name",
        "web/holding.py",
        "        _keep_apart(rights, self)",
        "        _ = _keep_apart",
        f"{_ALONG}a_reader_does_not_take_a_members_connection_over",
        f"{_KERNELS}another_takes_no_connection_of_the_owner_over_and_answers_nothing_in_their_place",
    ),
    _one(
        "an extension stops what is another's",
        "web/managers.py",
        "    if refused is not None:\n        raise",
        "    if False:\n        raise",
        f"{_KERNELS}what_an_extension_starts_for_somebody_is_theirs_and_what_it_stops_for_another_is_not_stopped",
    ),
    _one(
        "what a request has begun is done in its person's name for ever",
        "web/doing.py",
        "    return None if doing is None or doing.is_over else visitor_of(doing.request)",
        "    return None if doing is None else visitor_of(doing.request)",
        f"{_KERNELS}the_culler_of_idle_kernels_works_for_nobody_though_it_was_made_in_somebodys_request",
    ),
    # -- the doctor's probes --------------------------------------------------------------------------
    _one(
        "a probe is good twice",
        "store/probes.py",
        "return connection.execute(delete(probe).where(*same)).rowcount == 1",
        "return True",
        f"{_PROBE}it_is_good_once",
    ),
    _one(
        "a probe is good for ever",
        "store/probes.py",
        "        same = probe.c.digest == digest, probe.c.expires_at > at",
        "        same = probe.c.digest == digest, probe.c.expires_at > 0",
        f"{_PROBE}it_is_over_after_a_minute",
    ),
    _one(
        "a probe tells what the request brought of secrets",
        "web/probe.py",
        "if pair[0].lower() in _TOLD]",
        "if pair[0]]",
        f"{_PROBE}nothing_secret_comes_back",
    ),
    # -- rights, beside the table --------------------------------------------------------------------
    _one(
        "a neighbour behind the server's own proxy is handed the login",
        "web/assembly.py",
        "    find_handler = kept_from_neighbours(find_handler, rim.cookies)\n",
        "",
        f"{_EXTENSIONS}a_neighbour_is_never_handed_what_opens_this_server",
    ),
    _one(
        "a neighbour puts a login of its own into the browser",
        "web/neighbours.py",
        "        if not cookies.is_ours(line",
        "        if True or cookies.is_ours(line",
        f"{_EXTENSIONS}a_neighbour_leaves_nothing_in_the_browser_that_is_this_servers",
    ),
    _one(
        "a neighbour leaves a service worker for every page",
        "web/neighbours.py",
        "    headers.pop(_WORKER, None)\n",
        "",
        f"{_EXTENSIONS}a_neighbour_leaves_nothing_in_the_browser_that_is_this_servers",
    ),
    _one(
        "a path leads for ever where it once did",
        "web/routing.py",
        "            if router.rules != rules:\n",
        "            if False:\n",
        f"{_DOORS}a02_a_door_that_is_made_while_people_work_is_theirs_at_once_and_no_strangers",
    ),
    _one(
        "what was refused has no line in the access log",
        "web/access_log.py",
        "    return status < _REDIRECTED or status == _NOT_MODIFIED\n",
        "    return True\n",
        f"{_ACCESS_LOG}a_request_that_went_well_has_a_line_where_it_is_read_and_counts_anyway",
    ),
    _one(
        "a neighbour's proxy is for readers too",
        "web/resources.py",
        '    "jupyter_server_proxy": "proxy",\n',
        '    "jupyter_server_proxy": "lab",\n',
        f"{_EXTENSIONS}nothing_of_a_neighbour_for",
    ),
    _one(
        "an export takes its template from among the notebooks",
        "web/exports.py",
        "        config.TemplateExporter[_NAME] = []",
        "        pass",
        f"{_EXPORTS}a_template_among_the_notebooks_does_not_run",
    ),
    _one(
        "an export by whatever the notebook names is only reading",
        "web/resources.py",
        '"python", "slides"})',
        '"python", "script", "slides"})',
        f"{_EXPORTS}a_notebook_does_not_name_the_program_that_opens_it",
    ),
    _one(
        "a token that only writes has its notebook trusted",
        "web/holding.py",
        "        hold_trust(rights, self)\n",
        "",
        f"{_TRUST}a_token_that_only_writes_signs_nothing",
    ),
    _one(
        "to trust a notebook is only writing",
        "web/resources.py",
        "    if _TRUST in names:\n        return Action.EXECUTE\n",
        "",
        f"{_TRUST}nor_does_it_ask_for_a_signature",
    ),
    _one(
        "a remembered cookie stands in for the token beside it in the URL",
        "web/recent.py",
        ' or "token" in request.query',
        "",
        f"{_URLS}where_the_token_counts_the_cookies_beside_it_do_not",
    ),
    # -- behind a proxy -------------------------------------------------------------------------------
    _one(
        "nginx hands on what a client says of its address",
        "hosting/templates/nginx.conf.j2",
        "proxy_set_header X-Forwarded-For   $remote_addr;",
        "proxy_set_header X-Forwarded-For   $proxy_add_x_forwarded_for;",
        f"{_ARRIVAL}j02_j14_two_headers_tell_of_the_client_and_both_are_the_proxys",
    ),
    _one(
        "Apache hands on what a client says of its address",
        "hosting/templates/apache.conf.j2",
        "    RequestHeader unset X-Forwarded-For\n",
        "",
        f"{_ARRIVAL}j02_j14_two_headers_tell_of_the_client_and_both_are_the_proxys",
    ),
    _one(
        "HAProxy hands on what a client says of its address",
        "hosting/templates/haproxy.cfg.j2",
        "    http-request del-header X-Forwarded-For\n",
        "",
        f"{_ARRIVAL}j02_j14_two_headers_tell_of_the_client_and_both_are_the_proxys",
    ),
    _one(
        "Caddy believes everybody who stands behind a proxy",
        "hosting/templates/Caddyfile.j2",
        "		trusted_proxies{% for network in d.behind %} {{ network }}{% endfor %}",
        "		trusted_proxies 0.0.0.0/0",
        f"{_HOPS}j05_nobody_elses_does",
    ),
    _one(
        "Apache loses the scheme to a client that names it in Connection",
        "hosting/templates/apache.conf.j2",
        '    RequestHeader edit* Connection "(?i)x-forwarded-[a-z]+" "close"\n',
        "",
        f"{_ARRIVAL}j07_what_connection_names_is_there_all_the_same",
    ),
    _one(
        "the other words for a client's address come through",
        "hosting/render.py",
        "        forwarding=FORWARDING,",
        "        forwarding=(),",
        f"{_ARRIVAL}j02_j14_two_headers_tell_of_the_client_and_both_are_the_proxys",
    ),
    _one(
        "a proxy may be everybody",
        "hosting/model.py",
        "    if found.prefixlen == 0:",
        "    if False:",
        f"{_DEPLOYMENT}a_network_that_is_none_or_everybody_is_refused",
    ),
)
