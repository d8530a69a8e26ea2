"""Programs that look like Kubernetes' to whoever looks at processes: a copied perl that is called so.

perl prints a version for --version, takes any flags behind `--`, and can listen.
"""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.netns import NetworkNamespace

VERSION = "v5."
"""How the version begins that such a program prints."""

_WAIT = '$| = 1; print "\\n"; <STDIN>;'
# Answers every question with the text in ANSWER, on the loopback port in PORT.
_LISTEN = """
use Socket;
socket(my $server, PF_INET, SOCK_STREAM, 0);
setsockopt($server, SOL_SOCKET, SO_REUSEADDR, 1);
bind($server, sockaddr_in($ENV{PORT}, INADDR_LOOPBACK)) or die $!;
listen($server, 8);
$| = 1; print "\\n";
while (accept(my $client, $server)) {
    sysread($client, my $question, 4096);
    my $body = $question =~ m{^GET /proxyMode } ? $ENV{ANSWER} : "?";
    my $length = length $body;
    syswrite($client, "HTTP/1.1 200 OK\\r\\nContent-Length: $length\\r\\n\\r\\n$body");
    close($client);
}
"""


@contextmanager
def running(
    path: Path,
    host: NetworkNamespace,
    *flags: str,
    name: str = "",
    port: int = 0,
    answer: str = "",
    user: str = "",
    environment: Mapping[str, str] | None = None,
) -> Iterator[int]:
    """A process of this program with these flags, in the namespace. `name`: what it calls itself, as k3s does.

    With `port` it answers there, to whoever asks for the mode of kube-proxy.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        shutil.copy("/usr/bin/perl", path)
    renamed = f'$0 = "{name}";' if name else ""
    script = renamed + (_LISTEN if port else _WAIT)
    through = ("setpriv", f"--reuid={user}", "--clear-groups") if user else ()
    told = {"PORT": str(port), "ANSWER": answer, **(environment or {})}
    variables = ("env", *(f"{variable}={value}" for variable, value in told.items()))
    command = host.command(*through, *variables, str(path), "-e", script, "--", *flags)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"\n"  # it is the program now
            yield process.pid
        finally:
            process.kill()
