"""Opening the sockets: what is in the way, and who may use them."""

import grp
import socket
import stat
from pathlib import Path

import pytest

from calico_agent.api.sockets import open_tcp, open_unix
from calico_agent.errors import ServeError


class TestUnix:
    def test_owner_and_group_may_use_it_and_nobody_else(self, tmp_path: Path) -> None:
        with open_unix(tmp_path / "run" / "agent.sock"):
            assert stat.S_IMODE((tmp_path / "run" / "agent.sock").stat().st_mode) == 0o660
            assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o750

    @pytest.mark.real
    def test_another_group_may_be_named(self, tmp_path: Path) -> None:
        for group, number in (("adm", grp.getgrnam("adm").gr_gid), ("4711", 4711)):
            path = tmp_path / group / "agent.sock"
            with open_unix(path, group):
                assert [one.stat().st_gid for one in (path, path.parent)] == [number] * 2
                assert stat.S_IMODE(path.stat().st_mode) == 0o660

    def test_a_group_that_is_not_there_says_so(self, tmp_path: Path) -> None:
        with pytest.raises(ServeError, match=r"the group nobody-has-this: there is no such group \(.*socket_group"):
            open_unix(tmp_path / "agent.sock", "nobody-has-this")

    def test_one_whose_owner_is_gone_is_replaced(self, tmp_path: Path) -> None:
        open_unix(tmp_path / "agent.sock").close()
        assert (tmp_path / "agent.sock").exists()
        with open_unix(tmp_path / "agent.sock"), socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "agent.sock"))

    def test_one_that_answers_belongs_to_another_agent(self, tmp_path: Path) -> None:
        path = tmp_path / "agent.sock"
        with open_unix(path):
            with pytest.raises(ServeError, match="another agent is running"):
                open_unix(path)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))

    def test_a_file_in_the_way_is_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "agent.sock"
        path.write_text("precious")
        with pytest.raises(ServeError, match="is not a socket"):
            open_unix(path)
        assert path.read_text() == "precious"

    def test_a_link_in_the_way_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "agent.sock").symlink_to("/nowhere")
        with pytest.raises(ServeError, match="is not a socket"):
            open_unix(tmp_path / "agent.sock")

    def test_a_path_that_is_too_long_says_so_in_one_line(self, tmp_path: Path) -> None:
        with pytest.raises(ServeError, match=r"cannot listen on .*too long"):
            open_unix(tmp_path / ("x" * 200))

    def test_a_folder_that_cannot_be_made_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(ServeError, match="cannot listen on"):
            open_unix(tmp_path / "file" / "agent.sock")


class TestTcp:
    @pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
    def test_listens_on_the_address(self, host: str) -> None:
        with open_tcp((host, 0)) as opened:
            socket.create_connection(opened.getsockname()[:2], timeout=2).close()

    def test_a_port_that_is_taken_names_the_setting(self) -> None:
        with open_tcp(("127.0.0.1", 0)) as opened, pytest.raises(ServeError) as caught:
            open_tcp(("127.0.0.1", opened.getsockname()[1]))
        assert "Address already in use" in str(caught.value)
        assert "[http] listen" in str(caught.value)

    def test_an_address_that_is_not_ours_says_so(self) -> None:
        with pytest.raises(ServeError, match=r"192\.0\.2\.1 port 9197: Cannot assign requested address"):
            open_tcp(("192.0.2.1", 9197))
