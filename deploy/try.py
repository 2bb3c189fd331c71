"""Starts BaluPi with a simulated home; try.sh calls it inside the virtual environment.

It writes the settings of this trial and runs a supervisor, of whose programs ``try_ready.py`` is one.
"""

from __future__ import annotations

import contextlib
import ctypes
import getpass
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from trial import OWNER, PYTHON, ROOT, manage, run_quietly, write_private

HISTORY_DAYS = 30
#: prctl(2): deliver this signal when the parent dies, even by kill -9.
_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Prepare the trial and run it until a signal comes."""
    port = int(os.environ.get("BALUPI_PORT") or 8000)
    data_dir = Path(os.environ.get("BALUPI_DATA_DIR") or ROOT / "data" / f"try-{port}").resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    _refuse_second_start(data_dir, port)
    # Short: a socket's path has 108 characters.
    runtime_dir = Path(tempfile.mkdtemp(prefix="balupi-"))
    try:
        trial = prepare(data_dir, runtime_dir, port)
        return run(trial, runtime_dir)
    finally:
        shutil.rmtree(runtime_dir, ignore_errors=True)
        (data_dir / "try.pid").unlink(missing_ok=True)
        print("BaluPi has stopped; nothing is left running.", flush=True)


def _refuse_second_start(data_dir: Path, port: int) -> None:
    pid_file = data_dir / "try.pid"
    with contextlib.suppress(OSError, ValueError):
        pid = int(pid_file.read_text())
        if "try.py" in Path(f"/proc/{pid}/cmdline").read_text():
            sys.exit(
                f"A trial runs with {data_dir} already (pid {pid}); choose another BALUPI_DATA_DIR."
            )
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            sys.exit(f"Port {port} is taken; choose another one: BALUPI_PORT=8001 deploy/try.sh")
    pid_file.write_text(str(os.getpid()))


def prepare(data_dir: Path, runtime_dir: Path, port: int) -> dict[str, Any]:
    """Write settings, database and supervisor configuration; return what try.json says."""
    home_dir = data_dir / "home"
    home = json.loads(
        run_quietly(
            [PYTHON, "-m", "simhome", "--dir", str(home_dir), "init", "--nas-port", str(port)]
        )
    )
    home |= {"nas_ip": f"{home['block']}.53", "pi_ip": f"{home['block']}.2"}
    kept = _kept_secrets(data_dir)
    trial = _describe(home, kept, data_dir, port)
    write_private(data_dir / "balupi.env", _settings(home, kept, trial, runtime_dir))
    write_private(data_dir / "try.json", json.dumps(trial, indent=2) + "\n")
    os.environ["BALUPI_ENV_FILE"] = str(data_dir / "balupi.env")
    print(f"Preparing the database in {data_dir}", flush=True)
    manage("migrate", "--verbosity", "0")
    manage("collectstatic", "--no-input", "--verbosity", "0")
    _fill_history(data_dir, home_dir)
    write_private(
        runtime_dir / "supervisord.conf", _supervisor_config(data_dir, home_dir, runtime_dir)
    )
    return trial


def _kept_secrets(data_dir: Path) -> dict[str, str]:
    """Return this trial's own secrets, made once."""
    path = data_dir / "secrets.json"
    if not path.exists():
        kept = {name: secrets.token_urlsafe(40) for name in ("secret_key",)}
        kept["password"] = secrets.token_urlsafe(9)
        write_private(path, json.dumps(kept))
    loaded: dict[str, str] = json.loads(path.read_text())
    return loaded


def _describe(
    home: dict[str, Any], kept: dict[str, str], data_dir: Path, port: int
) -> dict[str, Any]:
    return {
        "url": f"http://127.0.0.1:{port}",
        "user": OWNER,
        "password": kept["password"],
        "handshake_secret": home["handshake_secret"],
        "dns_names": ["baluhost.local"],
        "nas_url": f"http://{home['nas_ip']}:{home['nas_port']}",
        "nas_ip": home["nas_ip"],
        "nas_mac": home["nas_mac"],
        "nas_users": home["users"],
        "pi_ip": home["pi_ip"],
        "pi_url": f"http://{home['pi_ip']}:{port}",
        "inbox": str(data_dir / "inbox"),
        "nas_inbox": str(data_dir / "home" / "nas" / "inbox"),
        "nas_ssh_port": home.get("ssh_port", 0),
        "pihole_url": f"http://{home['pi_ip']}:{home['pihole_port']}",
        "pihole_password": home["pihole_password"],
        "pihole_dns": f"{home['pi_ip']}:{home['dns_port']}",
        "simhome": [PYTHON, "-m", "simhome", "--dir", str(data_dir / "home")],
        "manage": [PYTHON, str(ROOT / "manage.py")],
        "env_file": str(data_dir / "balupi.env"),
        "data_dir": str(data_dir),
    }


def _settings(
    home: dict[str, Any], kept: dict[str, str], trial: dict[str, Any], runtime_dir: Path
) -> str:
    port = home["nas_port"]
    values = {
        "MODE": "dev",
        "SECRET_KEY": kept["secret_key"],
        "DATA_DIR": trial["data_dir"],
        "LISTEN": f"127.0.0.1:{port},{home['pi_ip']}:{port}",
        "REDIS_URL": f"unix://{runtime_dir}/redis.sock",
        "NAS_URL": trial["nas_url"],
        "NAS_IP": home["nas_ip"],
        "PI_IP": home["pi_ip"],
        "NAS_MAC_ADDRESS": home["nas_mac"],
        "WOL_PORT": home["wol_port"],
        "HANDSHAKE_SECRET": home["handshake_secret"],
        "NAS_SSH_USER": getpass.getuser(),
        "NAS_SSH_PORT": trial["nas_ssh_port"] or 22,
        "NAS_INBOX_PATH": trial["nas_inbox"],
        "PIHOLE_URL": trial["pihole_url"],
        "PIHOLE_PASSWORD": home["pihole_password"],
        "PIHOLE_DNS": trial["pihole_dns"],
        "TAPO_USERNAME": home["tapo_username"],
        "TAPO_PASSWORD": home["tapo_password"],
        "TAPO_DISCOVERY_TARGET": f"{home['block']}.255",
    }
    return "".join(f"BALUPI_{name}='{value}'\n" for name, value in values.items())


def _supervisor_config(data_dir: Path, home_dir: Path, runtime_dir: Path) -> str:
    redis = (
        f"redis-server --port 0 --unixsocket {runtime_dir}/redis.sock --dir {runtime_dir} --save '' "
        "--appendonly no --maxmemory 16mb --maxmemory-policy noeviction --hz 1 --dynamic-hz no "
        f"--loglevel warning --logfile {runtime_dir}/redis.log --daemonize no"
    )
    # The fault suite lets the product, and nothing else, run with a clock that it sets.
    manage_py = f"{os.environ.get('BALUPI_TRY_PYTHON', PYTHON)} {ROOT}/manage.py"
    programs = {
        "redis": (redis, "autorestart=true\nstopsignal=TERM"),
        "simhome": (f"{PYTHON} -m simhome --dir {home_dir} run", "autorestart=true"),
        "web": (f"{manage_py} run_web", "autorestart=true"),
        "worker": (f"{manage_py} run_worker", "autorestart=true\nstopwaitsecs=15"),
        "ready": (
            f"{PYTHON} {ROOT}/deploy/try_ready.py",
            "autorestart=false\nstartsecs=0\nstartretries=0",
        ),
    }
    blocks = [
        f"[program:{name}]\ncommand={command.replace('%', '%%')}\ndirectory={ROOT}\n{options}\n"
        "stdout_logfile=/dev/fd/1\nstdout_logfile_maxbytes=0\nredirect_stderr=true\n"
        "stopasgroup=true\nkillasgroup=true\n"
        f'environment=BALUPI_ENV_FILE="{data_dir}/balupi.env",PYTHONUNBUFFERED="1"\n'
        for name, (command, options) in programs.items()
    ]
    user = "user=root\n" if os.geteuid() == 0 else ""
    head = (
        f"[supervisord]\nnodaemon=true\nsilent=true\n{user}logfile={runtime_dir}/supervisord.log\n"
        f"pidfile={runtime_dir}/supervisord.pid\nchildlogdir={runtime_dir}\n"
        f"[unix_http_server]\nfile={runtime_dir}/supervisor.sock\nchmod=0700\n"
        f"[supervisorctl]\nserverurl=unix://{runtime_dir}/supervisor.sock\n"
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
    )
    return head + "\n".join(blocks)


def run(trial: dict[str, Any], runtime_dir: Path) -> int:
    """Run the supervisor until it or a signal ends the trial; return its exit code."""
    config = str(runtime_dir / "supervisord.conf")
    trial["supervisorctl"] = [PYTHON, "-m", "supervisor.supervisorctl", "-c", config]
    write_private(Path(trial["data_dir"]) / "try.json", json.dumps(trial, indent=2) + "\n")
    libc = ctypes.CDLL(None)
    supervisor = subprocess.Popen(
        [PYTHON, "-m", "supervisor.supervisord", "-c", config],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C reaches us alone; we stop the rest in order
        preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM),  # noqa: PLW1509  # no threads here
    )
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: supervisor.terminate())
    _copy_output(supervisor)
    supervisor.wait()
    return 0


def _copy_output(supervisor: subprocess.Popen[bytes]) -> None:
    """Pass on what all programs say until the last one has ended; nobody listening ends the trial."""
    for line in supervisor.stdout or ():
        try:
            sys.stdout.buffer.write(line)
            sys.stdout.flush()
        except BrokenPipeError:
            sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115  # for the rest of this process
            supervisor.terminate()


def _fill_history(data_dir: Path, home_dir: Path) -> None:
    """Give a new trial a past, before anything runs: its plugs, with their roles, come with it."""
    done = data_dir / "history.done"
    if done.exists():
        return
    print(f"Filling in {HISTORY_DAYS} days of history", flush=True)
    history = data_dir / "history.ndjson"
    command = [PYTHON, "-m", "simhome.history", "--days", str(HISTORY_DAYS), "--seed", "1"]
    with history.open("wb") as file:
        subprocess.run(
            [*command, "--config", str(home_dir / "home.json")],
            cwd=ROOT,
            check=True,
            stdout=file,
            timeout=120,
        )
    manage("load_history", str(history))
    history.rename(done)


if __name__ == "__main__":
    sys.exit(main())
