"""What a request may say of the host that it asks."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.doors.hosts import NO_HOST, is_host, reached_by
from demo.errors import BodyError


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1:7860", "[::1]:7860", "user-space.hf.space", "my_box.local", "a.example:443", ""],
)
def test_hosts_go_on(host: str) -> None:
    headers = [(b"host", host.encode()), (b"accept", b"*/*")]
    assert reached_by(headers) == headers


@pytest.mark.parametrize(
    "host", ["[v1.x]", "[::::]", "[1.2.3.4]", "999.1.1.1", "a b", "/etc/x", "a/b", "a@b", "a:b", "a, [v1.x]"]
)
@pytest.mark.parametrize("name", [b"host", b"x-forwarded-host"])
def test_what_is_no_host_is_refused(name: bytes, host: str) -> None:
    with pytest.raises(BodyError, match=NO_HOST) as raised:
        reached_by([(name, host.encode())])
    assert raised.value.status == 400


def test_proxies_stand_in_a_row_and_gradio_s_own_server_is_not_believed() -> None:
    row = (b"x-forwarded-host", b"a.example, b.example:8080")
    assert reached_by([row, (b"x-gradio-server", b"/tmp/x")]) == [row]


@given(st.text("ax1.:-[]_", min_size=1, max_size=20))
def test_of_what_goes_on_an_address_can_be_made(host: str) -> None:
    if is_host(host.encode()):
        httpx.URL(f"http://{host}/gradio_api").copy_with(query=None)
